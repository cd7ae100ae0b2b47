"""What is read from a song's file, and its prediction as HTML."""

import base64
from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.app.songs import READS_NO_SOUND, parse_year, read_song, song_html
from songpop_tf.explanation.explain import explain
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song


class WithoutOcclusion:
    """A backend whose export lacks a signature."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.signatures = [name for name in backend.signatures if name != "occlusion"]

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)


class WordsOnly(WithoutOcclusion):
    """A backend that reads no spectrogram."""

    branches = ("text",)


def test_a_sound_file_becomes_a_spectrogram_that_predicts_the_same(
    backend: Backend, sound: Path, tmp_path: Path
) -> None:
    content = read_song(backend, sound)
    assert (content["artist"], content["title"], content["year"]) == (
        "Some Band",
        "Some Song",
        None,
    )
    png = tmp_path / "a.png"
    png.write_bytes(base64.b64decode(content["spectrogram"]))
    songs = [Song(audio=sound), Song(spectrogram=png)]
    first, second = Predictor(backend).predict_songs(songs)
    assert first == pytest.approx(second)


def test_a_model_of_words_says_that_it_reads_no_sound(backend: Backend, sound: Path) -> None:
    content = read_song(WordsOnly(backend), sound)  # type: ignore[arg-type]
    assert content["spectrogram"] is None
    assert content["note"] == READS_NO_SOUND


def test_other_files_are_refused(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp3"
    path.write_text("no sound")
    for one in (backend, WordsOnly(backend)):
        with pytest.raises(InputError, match=r"notes\.mp3.*expected"):
            read_song(one, path)  # type: ignore[arg-type]


def test_the_page_shows_what_explain_says(backend: Backend, song: Song) -> None:
    explanation = explain(Predictor(backend), song)
    html = song_html(backend, song)
    assert f"{explanation.prediction.popularity:.0f}<span> of 100" in html
    for heading in ("Among the songs of", "behind the number", "Words and year", "Seconds and"):
        assert heading in html


def test_a_model_without_reasons_still_predicts(backend: Backend, song: Song) -> None:
    html = song_html(WithoutOcclusion(backend), song)  # type: ignore[arg-type]
    assert "of 100" in html
    assert "export the run again" in html
    assert "Seconds and" not in html


def test_year_is_a_number_or_nothing() -> None:
    assert parse_year(" 1999 ") == 1999
    assert parse_year(" ") == 0
    with pytest.raises(InputError, match=r"year: .*'soon'"):
        parse_year("soon")
