"""A sample of real songs: rows of a tracks.csv, synthesized from their audio features."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.constants import FIRST_YEAR, LAST_YEAR
from pipelines.errors import InputError
from pipelines.synthetic.sample_plan import (
    PlannedSong,
    SamplePlan,
    parse_audio_attributes,
)
from pipelines.tables.artists import parse_artists
from pipelines.tables.cells import are_missing_names, clean_name, parse_year
from pipelines.tables.csv_reader import open_table
from pipelines.tables.spectrogram_files import spectrogram_path
from pipelines.tables.tracks import SYNONYMS

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


def plan_real_songs(
    tracks: Path,
    songs: int,
    seconds: float | None,
    rng: np.random.Generator,
    on_assumption: Callable[[str], None] | None = None,
) -> SamplePlan:
    """Plan a sample of real songs, chosen at random among the usable rows.

    Args:
        tracks: a CSV in the Kaggle layout; it becomes the tracks.csv of the sample, unchanged.
        songs: number of rows that get a spectrogram.
        seconds: length of every song, or None for duration_ms, clipped to 30 s to 8 minutes.
        rng: generator of the choice.
        on_assumption: called with a line for each thing that was assumed to read the table.

    Raises:
        InputError: the file cannot be read, a column is missing, or too few rows are usable.
    """
    table = _read(tracks, on_assumption)
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


def _read(tracks: Path, on_assumption: Callable[[str], None] | None) -> pd.DataFrame:
    """Read the required columns, every value as text."""
    table = open_table(tracks, {**dict.fromkeys(NUMERIC_COLUMNS, ()), **SYNONYMS})
    if not tracks.is_file():
        raise InputError(f"{tracks}: expected a file that can be copied, received a pipe")
    required = sorted([*TEXT_COLUMNS, *NUMERIC_COLUMNS])
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise InputError(
            f"{tracks}: expected the columns of tracks.csv, received a table without {missing}"
        )
    if on_assumption is not None:
        for note in table.notes:
            on_assumption(note)
    rows = [
        [cells[table.columns[name]] for name in required]
        for _, cells in table.rows()
        if len(cells) == len(table.header)
    ]
    content = pd.DataFrame(rows, columns=required, dtype=str)
    if table.decimal_comma:
        numeric = list(NUMERIC_COLUMNS)
        content[numeric] = content[numeric].replace(",", ".", regex=True)
    return content


def _usable_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose numbers are all present and in range, converted to numbers."""
    numbers = table[list(NUMERIC_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    is_usable = pd.Series(True, index=table.index)
    for name, valid in NUMERIC_COLUMNS.items():
        is_usable &= numbers[name].between(valid.low, valid.high)
    return table.loc[is_usable, list(TEXT_COLUMNS)].join(numbers[is_usable])


def _planned_song(row: "pd.Series[str]", seconds: float | None) -> PlannedSong | None:
    """Return the song of a row, or None without a name, an artist or a year."""
    try:
        artists = parse_artists(str(row["artists"]))
        year = parse_year(str(row["release_date"]))
    except InputError:
        return None  # one of many rows to choose from
    title = clean_name(str(row["name"]))
    if not FIRST_YEAR <= year <= LAST_YEAR or are_missing_names(title, *artists):
        return None
    path = spectrogram_path(_chart_credit(artists), title, year)
    if path is None:
        return None
    duration = min(max(float(row["duration_ms"]) / 1000, MIN_SECONDS), MAX_SECONDS)
    attributes = parse_audio_attributes({name: float(row[name]) for name in NUMERIC_COLUMNS})
    return PlannedSong(path, attributes, duration if seconds is None else seconds)


def _chart_credit(artists: Sequence[str]) -> str:
    """Return the artists as charts credit them: 'A', 'A Featuring B & C'."""
    return " Featuring ".join([artists[0], " & ".join(artists[1:])]) if artists[1:] else artists[0]
