"""The command ``explain``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import error_line, invoke


@pytest.fixture
def song(sample: Path) -> list[str]:
    png = next((sample / "spectrograms").rglob("*.png"))
    return ["--spectrogram", str(png), "--artist", "A B", "--title", "Song", "--year", "1999"]


@pytest.mark.usefixtures("models_opened_once")
def test_text_is_printed(exported: Path, song: list[str]) -> None:
    result = invoke("explain", "--model", exported, *song)
    assert result.exit_code == 0, result.output
    assert "A B - Song (1999)" in result.output
    assert "songs of" in result.output
    explained = invoke("predict", "--model", exported, *song, "--explain")
    assert explained.output == result.output


@pytest.mark.usefixtures("models_opened_once")
def test_each_kind_of_file_is_written(exported: Path, song: list[str], tmp_path: Path) -> None:
    for name in ("why.png", "why.HTML", "why.json"):
        result = invoke("explain", "--model", exported, *song, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert name in result.output
    with Image.open(tmp_path / "why.png") as image:
        assert image.width > 1000
    assert "<!doctype html>" in (tmp_path / "why.HTML").read_text()
    content = json.loads((tmp_path / "why.json").read_text())
    assert len(content["segments"]) >= 20
    total = content["nothing_known"] + sum(content["shapley"].values())
    assert total == pytest.approx(content["popularity"], abs=1e-3)


def test_wrong_use_is_refused(run: Run, song: list[str], tmp_path: Path) -> None:
    assert invoke("explain", *song, "--out", "why.txt").exit_code == 2
    assert invoke("explain", "song.mp3", *song).exit_code == 2
    (tmp_path / "why.png").mkdir()
    words = ("--artist", "A", "--out", tmp_path / "why.png")
    assert "expected a file" in error_line(invoke("explain", "--model", run.directory, *words))
