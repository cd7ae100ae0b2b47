"""A sample of real songs: rows of a tracks.csv, synthesized from their audio features."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.synthetic.sample_plan import (
    PlannedSong,
    SamplePlan,
    parse_audio_attributes,
)
from pipelines.tables.spectrogram_files import spectrogram_path

MIN_SECONDS, MAX_SECONDS = 30.0, 480.0


class _Range(NamedTuple):
    low: float
    high: float


# Valid ranges. A tempo of 0 and a key of -1 mean that none was detected.
NUMERIC_COLUMNS = {
    "popularity": _Range(0, 100),
    "duration_ms": _Range(1, np.inf),
    "danceability": _Range(0, 1),
    "energy": _Range(0, 1),
    "key": _Range(0, 11),
    "loudness": _Range(-100, 20),
    "mode": _Range(0, 1),
    "acousticness": _Range(0, 1),
    "tempo": _Range(20, 400),
}
TEXT_COLUMNS = ("name", "artists", "release_date")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?![0-9])")


def plan_real_songs(
    tracks: Path, songs: int, seconds: float | None, rng: np.random.Generator
) -> SamplePlan:
    """Plan a sample of real songs, chosen at random among the usable rows.

    Args:
        tracks: a CSV in the Kaggle layout; it becomes the tracks.csv of the sample, unchanged.
        songs: number of rows that get a spectrogram.
        seconds: length of every song, or None for duration_ms, clipped to 30 s to 8 minutes.
        rng: generator of the choice.

    Raises:
        InputError: the file cannot be read, a column is missing, or too few rows are usable.
    """
    table = _read(tracks)
    usable = _usable_rows(table)
    planned: list[PlannedSong] = []
    used_paths: set[str] = set()
    for row in rng.permutation(len(usable)).tolist():
        if len(planned) == songs:
            break
        song = _planned_song(usable.iloc[row], seconds)
        if song is None or str(song.path).casefold() in used_paths:
            continue
        used_paths.add(str(song.path).casefold())
        planned.append(song)
    if len(planned) < songs:
        raise InputError(
            f"{tracks}: expected at least {songs} different songs with a name, an artist, a year "
            f"and valid {', '.join(NUMERIC_COLUMNS)}, received {len(planned)} in {len(table)} rows"
        )
    return SamplePlan(
        songs=tuple(planned),
        tracks=tracks,
        rows=len(table),
        reachable_r2=None,
        best_predictions=None,
    )


def _read(tracks: Path) -> pd.DataFrame:
    """Read the required columns, every value as text."""
    required = {*TEXT_COLUMNS, *NUMERIC_COLUMNS}
    try:
        table = pd.read_csv(
            tracks, dtype=str, keep_default_na=False, usecols=lambda name: name in required
        )
    except OSError as error:
        raise InputError(f"{tracks}: expected a readable file: {error.strerror}") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{tracks}: expected a CSV of tracks in UTF-8: {reason}") from error
    missing = sorted(required - set(table.columns))
    if missing:
        raise InputError(
            f"{tracks}: expected the columns of tracks.csv, received a table without {missing}"
        )
    return table


def _usable_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose numbers are all present and in range, converted to numbers."""
    numbers = table[list(NUMERIC_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    is_usable = pd.Series(True, index=table.index)
    for name, valid in NUMERIC_COLUMNS.items():
        is_usable &= numbers[name].between(valid.low, valid.high)
    return table.loc[is_usable, list(TEXT_COLUMNS)].join(numbers[is_usable])


def _planned_song(row: "pd.Series[str]", seconds: float | None) -> PlannedSong | None:
    """Return the song of a row, or None without a name, an artist or a year."""
    artists = _artists(str(row["artists"]))
    year = _YEAR.match(str(row["release_date"]))
    if not artists or year is None:
        return None
    path = spectrogram_path(_chart_credit(artists), str(row["name"]), int(year.group()))
    if path is None:
        return None
    duration = min(max(float(row["duration_ms"]) / 1000, MIN_SECONDS), MAX_SECONDS)
    attributes = parse_audio_attributes({name: float(row[name]) for name in NUMERIC_COLUMNS})
    return PlannedSong(path, attributes, duration if seconds is None else seconds)


def _artists(literal: str) -> list[str]:
    """Return the names in a Python list literal; no names if it is not one."""
    try:
        names = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return []
    if not isinstance(names, list):
        return []
    return [name for name in names if isinstance(name, str) and name.strip()]


def _chart_credit(artists: list[str]) -> str:
    """Return the artists as charts credit them: 'A', 'A Featuring B & C'."""
    return " Featuring ".join([artists[0], " & ".join(artists[1:])]) if artists[1:] else artists[0]
