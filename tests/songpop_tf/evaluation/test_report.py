"""The report and the table for the terminal."""

import re

from PIL import Image

from songpop_tf.evaluation import report
from songpop_tf.evaluation.report import text_table
from songpop_tf.training.configurations import CONFIGURATIONS
from songpop_tf.training.run import Run


def test_report_has_every_configuration_and_every_figure(
    evaluation: dict, evaluated_run: Run
) -> None:
    content = (evaluated_run.directory / "report.md").read_text()
    names = [configuration.name for configuration in CONFIGURATIONS]
    for name in ("mean", "year", "boosting", *names):
        assert f"| {name} |" in content
    assert "**Best: " in content
    figures = re.findall(r"\]\((figures/[a-z_]+\.png)\)", content)
    assert len(figures) == 5
    for figure in figures:
        with Image.open(evaluated_run.directory / figure) as image:
            width, height = image.size
        assert width > 400
        assert height > 200


def test_every_figure_has_a_caption_of_one_sentence(evaluation: dict, evaluated_run: Run) -> None:
    content = (evaluated_run.directory / "report.md").read_text()
    captions = re.findall(r"\]\(figures/[a-z_]+\.png\)\n\n(.+)\n", content)
    assert len(captions) == 5
    for caption in captions:
        assert re.fullmatch(r"[^.]+\.", caption)


def test_report_has_a_row_for_each_set_of_unknown_fields(
    evaluation: dict, evaluated_run: Run
) -> None:
    content = (evaluated_run.directory / "report.md").read_text()
    assert "| artist, title, year |" in content
    assert "| title |" in content


def test_text_table_shows_the_share_of_the_reachable_r2(evaluation: dict) -> None:
    table = text_table(evaluation, {"text": 0.5, "cnn": 0.25, "combined": 0.8})
    line = next(line for line in table.splitlines() if line.startswith("combined "))
    assert f"{evaluation['models']['combined']['r2'] / 0.8:.0%} of 0.800" in line
    assert "reachable" not in text_table(evaluation)


def test_intervals_of_groups_are_listed_by_model(evaluation: dict) -> None:
    assert not report._interval_groups(evaluation), "seven test songs"
    group = {"n": 30, "width": 41.26, "coverage": 0.9}
    intervals = {name: {"groups": {"1970s": group}} for name in ("text", "combined")}
    table, *others = report._interval_groups({**evaluation, "intervals": intervals})
    assert not others
    assert "| text | 1970s | 30 | 41.3 | 90.0% |\n| combined | 1970s |" in table
