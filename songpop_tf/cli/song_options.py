"""The model and the song that `predict` and `explain` take."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError

if TYPE_CHECKING:
    from songpop_tf.serving.predictor import Predictor
    from songpop_tf.serving.song import Song

ModelFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder written by `train` or `export`; default: the pre-trained model that is "
        "installed with the program."
    ),
]
ModelUrl = Annotated[
    str | None,
    typer.Option(
        help="Model on a server: http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME."
    ),
]
Artist = Annotated[str, typer.Option(help="Artist name.")]
Title = Annotated[str, typer.Option(help="Title.")]
Year = Annotated[int | None, typer.Option(help="Year of release; omit if unknown.")]
Spectrogram = Annotated[Path | None, typer.Option(help="PNG as in the data set.")]


def needs_tensorflow(model: Path | None, url: str | None) -> bool:
    """Whether the prediction needs `import tensorflow`, which takes seconds."""
    if url is not None:
        return not url.startswith("http")
    from songpop_tf.serving.schema import newest_version

    try:
        return model is not None and newest_version(model) is None
    except OSError:  # reported when the model is opened
        return False


def open_model(model: Path | None, url: str | None) -> "Predictor":
    """Open the model of a folder or a server; without either, the pre-trained one."""
    from songpop_tf.serving.loading import connect, load

    return connect(url) if url is not None else load(model)


def song_of_options(artist: str, title: str, year: int | None, spectrogram: Path | None) -> "Song":
    """A song without sound file."""
    from songpop_tf.serving.song import Song

    return Song(_as_utf_8(artist), _as_utf_8(title), _year(year), spectrogram)


def tagged_song(
    file: Path, artist: str, title: str, year: int | None, predictor: "Predictor"
) -> "Song":
    """A song from its sound file; options override its tags."""
    from pipelines.audio.decoding import read_audio
    from pipelines.audio.tags import read_tags
    from songpop_tf.serving.song import Song

    tags = read_tags(file)
    audio: Path | None = file
    if not predictor.reads_spectrograms:
        audio = None
        next(read_audio(file))  # raises if it is no sound file
        typer.echo(
            f"songpop-tf: {file}: this model reads no audio; predicting from the metadata alone",
            err=True,
        )
    artist, title = _as_utf_8(artist) or tags.artist, _as_utf_8(title) or tags.title
    return Song(artist, title, _year(year) or tags.year, audio=audio)


def _as_utf_8(argument: str) -> str:
    """Read an argument as UTF-8 where the locale has an encoding without its characters.

    Such as ASCII, with LC_ALL=C: Python then escapes each byte as a surrogate.
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.fsencode(argument).decode(errors="surrogateescape")
    return argument


def _year(year: int | None) -> int:
    if year == UNKNOWN_YEAR:
        raise InputError(f"--year: expected a year, received {year}; omit it if it is unknown")
    return UNKNOWN_YEAR if year is None else year


def warn_of_resized(predictor: "Predictor") -> None:
    """Say that a spectrogram seems to have been resized."""
    if warning := predictor.resized.warning:
        typer.echo(f"songpop-tf: warning: {warning}", err=True)
