"""The model card as HTML."""

from pathlib import Path

from songpop_tf.app.model_card import NO_CARD, model_card_html
from songpop_tf.constants import MODEL_CARD_FILE, REPORT_FILE
from songpop_tf.serving.schema import GRAPH_FILE


def test_tables_are_tables_and_html_is_text(tmp_path: Path) -> None:
    version = tmp_path / "1"
    version.mkdir()
    (version / GRAPH_FILE).touch()
    card = "---\nlibrary_name: keras\n---\n\n# Card\n\n"
    card += "| a | b |\n|---|---:|\n| 1 | 2 |\n\n<script>x</script>\n"
    (version / MODEL_CARD_FILE).write_text(card)
    html = model_card_html(tmp_path)
    assert html.startswith("<h1>Card</h1>")
    assert "<td>1</td>" in html
    assert "<script>" not in html


def test_a_model_without_card_says_so(exported: Path) -> None:
    assert model_card_html(exported) == NO_CARD


def test_figures_of_a_report_follow_the_card(tmp_path: Path) -> None:
    for file in (GRAPH_FILE, MODEL_CARD_FILE):
        (tmp_path / file).touch()
    report = "".join(
        f"## {title}\n\n![{title}](figures/{file})\n\nRead <it> so.\n\n"
        for title, file in (("Error by decade", "a.png"), ("Lost", "b.png"), ("No", "../c.png"))
    )
    (tmp_path / REPORT_FILE).write_text(f"# Report\n\n{report}## Data\n\nSongs.\n")
    (tmp_path / "figures").mkdir()
    for file in ("figures/a.png", "c.png"):
        (tmp_path / file).write_bytes(b"PNG")
    html = model_card_html(tmp_path)
    assert html.count("<img ") == 1
    assert 'alt="Error by decade" src="data:image/png;base64,UE5H"' in html
    assert "Read &lt;it&gt; so." in html
