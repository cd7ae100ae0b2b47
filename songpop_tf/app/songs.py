"""One song: what its file says, and its prediction as HTML."""

import base64
from pathlib import Path
from typing import Any

from pipelines.audio.decoding import read_audio
from pipelines.audio.tags import read_tags
from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from songpop_tf.app.charts import year_section
from songpop_tf.explanation.explain import explain, explanation_problem
from songpop_tf.explanation.page import explanation_sections, prediction_header
from songpop_tf.explanation.text import place_text, song_name
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Prediction, Predictor
from songpop_tf.serving.song import Song, load_png

READS_NO_SOUND = "This model reads no sound; it predicts from artist, title and year alone."
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_song(backend: Backend, path: Path) -> dict[str, Any]:
    """Read artist, title and year of a sound file or spectrogram, and draw its spectrogram.

    Returns:
        ``artist``, ``title``, ``year`` (None if unknown), ``spectrogram`` (a PNG file in base64;
        None if the model reads none) and ``note``, a sentence or "".

    Raises:
        InputError: the file is neither, or its sound cannot be used.
    """
    predictor = Predictor(backend)
    song = song_of_file(predictor, path)
    png = load_png(song)
    return {
        "artist": song.artist,
        "title": song.title,
        "year": song.year or None,
        "spectrogram": None if png is None else base64.b64encode(png).decode(),
        "note": "" if predictor.reads_spectrograms else READS_NO_SOUND,
    }


def song_of_file(predictor: Predictor, path: Path) -> Song:
    """The song of a sound file or spectrogram; the other fields come from its tags or its name.

    Raises:
        InputError: the model reads no sound, and the file is neither.
    """
    tags = read_tags(path)
    with path.open("rb") as file:
        is_png = file.read(len(_PNG_SIGNATURE)) == _PNG_SIGNATURE
    if predictor.reads_spectrograms:
        image = {"spectrogram": path} if is_png else {"audio": path}
        return Song(tags.artist, tags.title, tags.year, **image)
    if not is_png:
        next(read_audio(path))  # raises if it is no sound file
    return Song(tags.artist, tags.title, tags.year)


def parse_year(text: str) -> int:
    """The year of the form's field; empty = unknown.

    Raises:
        InputError: it is no number.
    """
    if not text.strip():
        return UNKNOWN_YEAR
    try:
        return int(text)
    except ValueError:
        raise InputError(f"year: expected a number or nothing, received {text!r}") from None


def song_html(backend: Backend, song: Song) -> str:
    """The prediction of a song and what stands behind it, as HTML.

    Raises:
        InputError: the model cannot predict the song, or cannot be reached.
    """
    predictor = Predictor(backend)  # one for each song: it remembers which images were resized
    predictor.check(song)
    problem = explanation_problem(predictor, song)
    parts = _predicted(predictor, song, problem) if problem else _explained(predictor, song)
    if predictor.resized.warning:
        parts.insert(1, _note("The image seems to be resized; its prediction is less accurate."))
    return "\n".join(parts)


def _explained(predictor: Predictor, song: Song) -> list[str]:
    explanation = explain(predictor, song)
    prediction = explanation.prediction
    return [
        prediction_header(_name(song), prediction, place_text(explanation)),
        *_year(predictor, song, prediction),
        *explanation_sections(explanation),
    ]


def _predicted(predictor: Predictor, song: Song, problem: str) -> list[str]:
    """For models that can predict a song, but not explain it."""
    prediction = predictor.predict_songs([song])[0]
    if isinstance(prediction, InputError):
        raise prediction
    missing = problem.rpartition("; ")[2]
    return [
        prediction_header(_name(song), prediction, ""),
        *_year(predictor, song, prediction),
        _note(f"This model gives no reasons for such a song; to have them, {missing}."),
    ]


def _year(predictor: Predictor, song: Song, prediction: Prediction) -> list[str]:
    by_year = predictor.backend.year_quantiles or {}
    return [year_section(prediction, by_year[song.year])] if song.year in by_year else []


def _name(song: Song) -> str:
    return song_name(song) or "Unnamed song"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'
