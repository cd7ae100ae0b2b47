"""Inputs of the original data sets' size, made from a smaller table and short spectrograms."""

import itertools
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import InputError
from pipelines.tables.artists import parse_artists
from pipelines.tables.spectrogram_files import spectrogram_path

MIN_COLUMNS, MAX_COLUMNS = 30_000, 40_000
CHUNK_ROWS = 500_000
MIN_SECTION, MAX_SECTION = 400, 2_400


def write_tracks(path: Path, tables: list[Path], rows: int, rng: np.random.Generator) -> None:
    """Write a table of tracks of any length.

    The rows of the given tables come first, unchanged. The others are recombinations of them: the
    title of one, and the artist, date, popularity and audio features of another. Half of the
    artists are recombined too (the first word of one name and the last word of another), as a
    larger table also has more artists.
    """
    real = pd.concat([read_text(table) for table in tables]).drop_duplicates("id").head(rows)
    real.to_csv(path, index=False)
    for first in range(len(real), rows, CHUNK_ROWS):
        count = min(CHUNK_ROWS, rows - first)
        chunk = recombine(real, count, rng)
        chunk["id"] = [f"recombined{number:012}" for number in range(first, first + count)]
        chunk.to_csv(path, index=False, header=False, mode="a")


def recombine(real: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """New rows from the cells of others, see `write_tracks`."""
    drawn, titles, others = (
        real.iloc[rng.integers(len(real), size=count)].reset_index(drop=True) for _ in range(3)
    )
    is_recombined = rng.random(count) < 0.5
    artists = [
        recombine_artists(own, other) if recombined else own
        for own, other, recombined in zip(
            drawn["artists"], others["artists"], is_recombined, strict=True
        )
    ]
    return drawn.assign(name=titles["name"], artists=artists)


def read_text(table: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The cells of a table, as they are written; None for all columns."""
    return pd.read_csv(table, dtype=str, keep_default_na=False, usecols=columns)


def recombine_artists(first: str, second: str) -> str:
    """A list with one artist: the first word of one list's first name, the last of another's."""
    words = [first_artist(cell).split() for cell in (first, second)]
    return str([f"{words[0][0]} {words[1][-1]}"]) if all(words) else first


def first_artist(cell: str) -> str:
    """The first name in a cell of the column artists; empty if it has none."""
    try:
        return parse_artists(cell)[0]
    except InputError:
        return ""


def song_files(tracks: Path, count: int, rng: np.random.Generator) -> list[Path]:
    """Names of the spectrograms of different tracks, chosen at random."""
    table = read_text(tracks, ["artists", "name", "release_date"])
    table = table[table["release_date"].str[:4].str.fullmatch(r"19[6-9]\d|20[0-2]\d")]
    shuffled = table.iloc[rng.permutation(len(table))]
    names = filter(
        None, map(song_file, shuffled["artists"], shuffled["name"], shuffled["release_date"])
    )
    # No more names than needed: a table has millions.
    return list(itertools.islice(without_repetitions(names), count))


def without_repetitions(names: Iterable[Path]) -> Iterator[Path]:
    """Yield every name when it comes first."""
    seen = set()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def write_spectrograms(
    folder: Path, names: list[Path], recordings: Path, rng: np.random.Generator
) -> Iterator[Path]:
    """Write full-length spectrograms; yield the files.

    One image is drawn for each recording and copied under the names of several songs: drawing all
    of them would take longer than what is measured.
    """
    sources = sorted(recordings.rglob("*.png"))
    images: list[Path] = []
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if number < len(sources):
            Image.fromarray(draw_full_length(sources, number, rng)).save(file, compress_level=6)
            images.append(file)
        else:
            shutil.copyfile(images[number % len(images)], file)
        yield file


def song_file(artists: str, title: str, date: str) -> Path | None:
    """The name of a song's spectrogram in the data set's layout; None for a song without names."""
    path = spectrogram_path(first_artist(artists), title, int(date[:4]))
    return None if path is None else Path(path)


def draw_full_length(
    sources: list[Path], number: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Repeat sections of a short recording, in random order, to the length of a song.

    Each repetition gets a gain and noise of its own: equal ones would be compressed to far less
    than a song is.
    """
    with Image.open(sources[number]) as image:
        short = np.asarray(image.convert("L"))
    columns = int(rng.integers(MIN_COLUMNS, MAX_COLUMNS + 1))
    sections = []
    while sum(section.shape[1] for section in sections) < columns:
        length = int(rng.integers(MIN_SECTION, min(MAX_SECTION, short.shape[1]) + 1))
        start = int(rng.integers(short.shape[1] - length + 1))
        sections.append(vary(short[:, start : start + length], rng))
    return np.concatenate(sections, axis=1)[:, :columns]


def vary(section: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change the level of a section by up to 20 %, and each of its pixels by up to 10 %."""
    gains = rng.uniform(0.8, 1) * rng.uniform(0.9, 1, section.shape)
    return np.round(section * gains).astype("uint8")
