"""The model card as HTML."""

from pathlib import Path

from songpop_tf.app.model_card import NO_CARD, model_card_html
from songpop_tf.constants import MODEL_CARD_FILE
from songpop_tf.serving.schema import GRAPH_FILE


def test_tables_are_tables_and_html_is_text(tmp_path: Path) -> None:
    version = tmp_path / "1"
    version.mkdir()
    (version / GRAPH_FILE).touch()
    card = "# Card\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n\n<script>x</script>\n"
    (version / MODEL_CARD_FILE).write_text(card)
    html = model_card_html(tmp_path)
    assert "<h1>Card</h1>" in html
    assert "<td>1</td>" in html
    assert "<script>" not in html


def test_a_model_without_card_says_so(exported: Path) -> None:
    assert model_card_html(exported) == NO_CARD
