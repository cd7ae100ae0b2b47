"""A sample of real songs: rows of a tracks.csv, drawn from their own audio features."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.sample.plan import PlannedImage, SamplePlan, columns_of, traits_of
from pipelines.sample.spelling import image_path

SHORTEST_SECONDS, LONGEST_SECONDS = 30.0, 480.0


class _Limits(NamedTuple):
    low: float
    high: float


# What can be drawn. A tempo of 0 and a key of -1 mean that none was detected.
NUMBERS = {
    "popularity": _Limits(0, 100),
    "duration_ms": _Limits(1, np.inf),
    "danceability": _Limits(0, 1),
    "energy": _Limits(0, 1),
    "key": _Limits(0, 11),
    "loudness": _Limits(-100, 20),
    "mode": _Limits(0, 1),
    "acousticness": _Limits(0, 1),
    "tempo": _Limits(20, 400),
}
TEXTS = ("name", "artists", "release_date")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?![0-9])")


def real_plan(
    tracks: Path, songs: int, seconds: float | None, rng: np.random.Generator
) -> SamplePlan:
    """Plan a sample of real songs, chosen at random among the rows that can be drawn.

    Args:
        tracks: a CSV in the Kaggle layout; all of it becomes the sample's tracks.csv.
        songs: how many rows get a spectrogram.
        seconds: length of every image, or None for duration_ms within 30 s to 8 minutes.
        rng: chooses.

    Raises:
        InputError: the file cannot be read, lacks a column, or has too few usable rows.
    """
    table = _read(tracks)
    usable = _with_numbers(table)
    images: list[PlannedImage] = []
    taken: set[str] = set()
    for row in rng.permutation(len(usable)).tolist():
        if len(images) == songs:
            break
        image = _image(usable.iloc[row], seconds)
        if image is None or str(image.path).casefold() in taken:
            continue
        taken.add(str(image.path).casefold())
        images.append(image)
    if len(images) < songs:
        raise InputError(
            f"{tracks}: expected at least {songs} different songs with a name, an artist, a year "
            f"and usable {', '.join(NUMBERS)}, found {len(images)} in {len(table)} rows"
        )
    return SamplePlan(
        images=tuple(images), tracks=tracks, rows=len(table), reachable_r2=None, best=None
    )


def _read(tracks: Path) -> pd.DataFrame:
    """Read the columns needed, every value as text."""
    wanted = {*TEXTS, *NUMBERS}
    try:
        table = pd.read_csv(
            tracks, dtype=str, keep_default_na=False, usecols=lambda name: name in wanted
        )
    except OSError as error:
        raise InputError(f"{tracks}: expected a readable file: {error.strerror}") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{tracks}: expected a CSV of tracks in UTF-8: {reason}") from error
    missing = sorted(wanted - set(table.columns))
    if missing:
        raise InputError(f"{tracks}: expected the columns of tracks.csv, missing {missing}")
    return table


def _with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose numbers are all there and within their limits, as numbers."""
    numbers = table[list(NUMBERS)].apply(pd.to_numeric, errors="coerce")
    good = pd.Series(True, index=table.index)
    for name, limits in NUMBERS.items():
        good &= numbers[name].between(limits.low, limits.high)
    return table.loc[good, list(TEXTS)].join(numbers[good])


def _image(row: "pd.Series[str]", seconds: float | None) -> PlannedImage | None:
    """Return the image of a row, None if it lacks a name, an artist or a year."""
    artists = _artists(str(row["artists"]))
    year = _YEAR.match(str(row["release_date"]))
    if not artists or year is None:
        return None
    path = image_path(_billing(artists), str(row["name"]), int(year.group()))
    if path is None:
        return None
    own = min(max(float(row["duration_ms"]) / 1000, SHORTEST_SECONDS), LONGEST_SECONDS)
    traits = traits_of({name: float(row[name]) for name in NUMBERS})
    return PlannedImage(path, traits, columns_of(own if seconds is None else seconds))


def _artists(literal: str) -> list[str]:
    """Return the names in a Python list literal; none if it is not one."""
    try:
        names = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return []
    if not isinstance(names, list):
        return []
    return [name for name in names if isinstance(name, str) and name.strip()]


def _billing(artists: list[str]) -> str:
    """Return the artists as charts bill them: 'A', 'A Featuring B & C'."""
    return " Featuring ".join([artists[0], " & ".join(artists[1:])]) if artists[1:] else artists[0]
