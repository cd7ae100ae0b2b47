"""Coverage-guided search for inputs that end otherwise than in an image, a table or an error.

    pip install atheris
    python -m tests.corpus.fuzz image -max_total_time=600      # or sound, table

The options are libFuzzer's. What it finds is written to the current folder as ``crash-...``.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipelines.audio", "pipelines.tables"]):
    import numpy as np

    from pipelines.audio.audio_spectrogram import audio_spectrogram
    from pipelines.audio.tags import read_tags
    from pipelines.errors import InputError
    from pipelines.spectrograms.shards import image_error
    from pipelines.tables.tracks import read_tracks
from tests.corpus.damage import Files
from tests.corpus.png import low_depths, usable_variants
from tests.corpus.sounds import FORMATS, encode, song
from tests.corpus.tables import broken_tables, usable_tables
from tests.pipelines.images import pixels

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


def check_image(path: Path) -> None:
    """An image is usable, or the reason is one line."""
    assert "\n" not in image_error(path)


def check_sound(path: Path) -> None:
    """A sound becomes an image."""
    read_tags(path)
    assert np.isfinite(audio_spectrogram(path)).all()


def check_table(path: Path) -> None:
    """A table becomes tracks and reasons."""
    tracks, rejects = read_tracks([path])
    assert tracks.popularity.between(0, 100).all()
    assert not any("\n" in reason for reason in rejects.reason)


def error_of(check: Callable[[Path], None], path: Path) -> str:
    """The reason why a file cannot be used; empty if it can."""
    try:
        check(path)
    except InputError as error:
        return str(error)
    return ""


def seeds(kind: str) -> Files:
    """The whole files that the search begins with."""
    if kind == "image":
        image = pixels(32, 33)
        return {**usable_variants(image), **low_depths(image)}
    if kind == "sound":
        return {name: encode(song(0)[:6000], name) for name in FORMATS}
    return {**usable_tables(), **broken_tables(0)}


CHECKS: dict[str, Callable[[Path], None]] = {
    "image": check_image,
    "sound": check_sound,
    "table": check_table,
}


def main(kind: str, options: list[str]) -> None:
    """Search until the time of the options is over, or something is found."""
    corpus = _FOLDER / "corpus"
    corpus.mkdir()
    for name, content in seeds(kind).items():
        (corpus / name).write_bytes(content)
    path, check = _FOLDER / f"input.{kind}", CHECKS[kind]

    def check_input(content: bytes) -> None:
        path.write_bytes(content)
        reason = error_of(check, path)
        assert not reason or (path.name in reason and "\n" not in reason)

    atheris.Setup([sys.argv[0], *options, os.fspath(corpus)], check_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
