"""Several files, predicted one after another."""

import re
from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.app.files import histogram_of, predict_file
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song


def test_a_file_is_predicted_with_what_its_name_says(backend: Backend, sound: Path) -> None:
    row = predict_file(backend, sound)
    song = Song("Some Band", "Some Song", audio=sound)
    (expected,) = Predictor(backend).predict_songs([song])
    assert row == {
        "file": sound.name,
        "artist": "Some Band",
        "title": "Some Song",
        "year": "",
        "popularity": f"{expected[0]:.2f}",
        "popularity_low": f"{expected[1]:.2f}",
        "popularity_high": f"{expected[2]:.2f}",
    }


def test_other_files_are_refused(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "cover.jpg"
    path.write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"cover\.jpg: expected"):
        predict_file(backend, path)


def test_histogram_counts_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "popularity"
    path.write_text("[1, 2, 51.5]")
    assert "Predicted popularity of 3 songs" in histogram_of(path)
    assert re.search(r'height="100.0"><title>0 to 5: 67%', histogram_of(path))


@pytest.mark.parametrize("content", ["", "{}]", '["high"]', "3"])
def test_what_is_no_list_of_numbers_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "popularity"
    path.write_text(content)
    with pytest.raises(InputError, match="expected a list of numbers"):
        histogram_of(path)
