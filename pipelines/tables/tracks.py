"""Read tables in the layout of the Kaggle `tracks.csv` and remove duplicates.

Rows that cannot be used are not dropped silently: they are returned in a second table with the
reason, for the quarantine list.
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.tables.artists import parse_artists
from pipelines.tables.audio_features import AUDIO_FEATURES
from pipelines.tables.cells import (
    are_missing_names,
    clean_name,
    is_missing,
    parse_number,
    parse_year,
)
from pipelines.tables.columns import ARTIST_NAMES, DATE_NAMES, TITLE_NAMES, list_names
from pipelines.tables.csv_reader import Table, open_table
from pipelines.tables.duplicates import find_originals

REQUIRED_COLUMNS = ("name", "popularity", "artists", "release_date")
SYNONYMS = {
    "name": TITLE_NAMES,
    "popularity": ("track_popularity", "song_popularity", "spotify_popularity"),
    "artists": ARTIST_NAMES,
    "release_date": DATE_NAMES,
    "id": ("track_id", "spotify_id", "spotify_track_id", "song_id"),
    **dict.fromkeys(AUDIO_FEATURES, ()),
}

INVALID = "invalid"
DUPLICATE = "duplicate"

_MIN_ROWS_OF_A_SCALE = 10
"""Tracks from which on popularities of 0 and 1 alone, or of 0-10, are no chance."""
_LOW_POPULARITY = 10
_CHUNK_ROWS = 200_000
"""Rows of which the texts are held as Python strings, three times the size of those of a table."""


class _Track(NamedTuple):
    track_id: str
    title: str
    artists: tuple[str, ...]
    year: int
    popularity: float


@dataclass
class _Columns:
    """The usable rows of a table, by column: a tuple for each row would take twice the memory."""

    track_id: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    artists: list[tuple[str, ...]] = field(default_factory=list)
    year: "array[int]" = field(default_factory=lambda: array("q"))
    popularity: "array[float]" = field(default_factory=lambda: array("d"))
    row: "array[int]" = field(default_factory=lambda: array("q"))

    def append(self, track: _Track, row: int) -> None:
        """Add a row, which starts at a line of the file."""
        self.track_id.append(track.track_id)
        self.title.append(track.title)
        self.artists.append(track.artists)
        self.year.append(track.year)
        self.popularity.append(track.popularity)
        self.row.append(row)

    def to_frame(self, source: int) -> pd.DataFrame:
        """The columns that `parse_tracks` returns."""
        joined = {artists: ", ".join(artists) for artists in dict.fromkeys(self.artists)}
        return pd.DataFrame(
            {
                "track_id": self.track_id,
                "title": self.title,
                "artist": [joined[artists] for artists in self.artists],
                "artists": self.artists,
                "year": np.asarray(self.year, np.int64),
                "popularity": np.asarray(self.popularity, np.float64),
                "source": source,
                "row": np.asarray(self.row, np.int64),
            }
        )


class _Reject(NamedTuple):
    file: str
    row: int
    reason: str
    kind: str


def open_tracks(paths: Sequence[Path]) -> list[Table]:
    """Open tables in the layout of the Kaggle `tracks.csv`, or with other usual column names.

    Raises:
        InputError: no path is given, a file is missing, is not CSV or lacks a required column.
    """
    if not paths:
        raise InputError("expected at least one table of tracks, received none")
    tables = [open_table(path, SYNONYMS) for path in paths]
    for table in tables:
        _check_columns(table)
    return tables


def _check_columns(table: Table) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in table.columns]
    if missing:
        raise InputError(
            f"{table.path}: expected the columns {', '.join(REQUIRED_COLUMNS)}; missing: "
            f"{', '.join(missing)}; received: {list_names(table.header)}"
        )


def read_tracks(paths: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Open tables and read them, see `open_tracks` and `parse_tracks`."""
    return parse_tracks(open_tracks(paths))


def parse_tracks(tables: Sequence[Table]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read tables of tracks into one table without duplicates.

    A row is a duplicate if a kept row has its id, or exactly its title, artist and year: an earlier
    file takes precedence over a later one, within a file the higher popularity.

    Args:
        tables: from `open_tracks`, with the columns name, popularity (0-100), artists (see
            `parse_artists`) and release_date (see `parse_year`), and optionally id; other columns
            are ignored.

    Returns:
        tracks: in the order of the files and rows; columns track_id (str, "" = none), title,
            artist (the artists joined by ", "), artists (tuple of str), year (int, 0 = unknown),
            popularity (float, 0-100), source (int, position in `tables`) and row (int, line of
            the file where the row starts; the header is line 1).
        rejects: columns file, row, reason and kind, "invalid" or "duplicate".

    Raises:
        InputError: a file is not CSV, no row of any file can be used, or the popularities are of
            another scale than 0-100.
    """
    paths = [table.path for table in tables]
    rejects: list[_Reject] = []
    usable = []
    for source, table in enumerate(tables):
        rows, invalid = _read_table(table, source)
        _check_scale(table.path, rows.popularity)
        usable.append(rows)
        rejects += invalid
    candidates = pd.concat(usable, ignore_index=True)
    files = ", ".join(map(str, paths))
    if candidates.empty:
        first = f"; line {rejects[0].row}: {rejects[0].reason}" if rejects else ""
        raise InputError(f"{files}: none of {len(rejects)} rows can be used{first}")
    original = find_originals(candidates)
    is_kept = original == np.arange(len(candidates))
    tracks = candidates[is_kept].reset_index(drop=True)
    _check_hits(files, tracks.popularity)
    duplicates = _describe_duplicates(candidates, original, np.flatnonzero(~is_kept), paths)
    return tracks, pd.DataFrame(rejects + duplicates, columns=list(_Reject._fields))


def _read_table(table: Table, source: int) -> tuple[pd.DataFrame, list[_Reject]]:
    columns, chunks = _Columns(), []
    rejects: list[_Reject] = []
    # An artist has many rows: parsed once, they also share the names.
    artists_of = cache(parse_artists)
    for line, cells in table.rows():
        try:
            table.check_width(cells)
            columns.append(_parse_row(cells, table, artists_of), line)
        except InputError as reason:
            rejects.append(_Reject(str(table.path), line, str(reason), INVALID))
        if len(columns.row) == _CHUNK_ROWS:
            chunks.append(columns.to_frame(source))
            columns = _Columns()
    chunks.append(columns.to_frame(source))
    return pd.concat(chunks, ignore_index=True), rejects


def _parse_row(
    cells: list[str], table: Table, artists_of: Callable[[str], tuple[str, ...]]
) -> _Track:
    columns = table.columns
    title = clean_name(cells[columns["name"]])
    if not title:
        raise InputError("the name is empty")
    artists = artists_of(cells[columns["artists"]])
    if are_missing_names(title, *artists):
        raise InputError(f"expected a name and artists, received {title!r} and {artists[0]!r}")
    track_id = cells[columns["id"]].strip() if "id" in columns else ""
    return _Track(
        track_id="" if is_missing(track_id) else track_id,
        title=title,
        artists=artists,
        year=_parse_release(cells[columns["release_date"]]),
        popularity=_parse_popularity(cells[columns["popularity"]], table.decimal_comma),
    )


def _parse_release(date: str) -> int:
    if is_missing(date):
        return UNKNOWN_YEAR
    year = parse_year(date)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(f"expected a release year in {FIRST_YEAR}-{LAST_YEAR}, received {year}")
    return year


def _parse_popularity(text: str, decimal_comma: bool) -> float:
    if is_missing(text):
        raise InputError("the popularity is missing")
    popularity = parse_number(text, decimal_comma)
    if popularity is None or not 0 <= popularity <= 100:
        raise InputError(f"expected a popularity in 0-100, received {text.strip()[:40]!r}")
    return popularity


def _check_scale(path: Path, popularity: "pd.Series[float]") -> None:
    """Raise an `InputError` if the popularities of a table are fractions of 1."""
    highest = popularity.max() if len(popularity) else 0.0
    if highest <= 1 and ((popularity > 0) & (popularity < 1)).any():
        raise InputError(
            f"{path}: expected popularities of 0-100, received {len(popularity)} of at most "
            f"{highest:g}; multiply them by 100"
        )


def _check_hits(files: str, popularity: "pd.Series[float]") -> None:
    """Raise an `InputError` if all tables hold labels, such as hit or no hit."""
    if len(popularity) >= _MIN_ROWS_OF_A_SCALE and popularity.max() <= 1:
        raise InputError(
            f"{files}: expected popularities of 0-100, received {len(popularity)} tracks of 0 or 1 "
            "alone"
        )


def scale_notes(tracks: pd.DataFrame, tables: Sequence[Table]) -> list[str]:
    """Say which tables hold popularities that may be of a scale of 0-10, each in one line.

    Nobody can know it from the numbers alone: songs that hardly anybody plays have such
    popularities of 0-100, too.

    Args:
        tracks: from `parse_tracks`.
        tables: that they are from.
    """
    highest = tracks.groupby("source").popularity.agg(["max", "size"])
    return [
        f"{tables[source].path}: none of {size:,.0f} popularities is above {highest:g}; they are "
        "taken as they are, of 0-100; multiply them if their scale is another"
        for source, (highest, size) in zip(highest.index, highest.to_numpy(), strict=True)
        if highest <= _LOW_POPULARITY and size >= _MIN_ROWS_OF_A_SCALE
    ]


def _describe_duplicates(
    candidates: pd.DataFrame,
    original: npt.NDArray[np.int64],
    duplicates: npt.NDArray[np.int64],
    paths: Sequence[Path],
) -> list[_Reject]:
    """The rejects of duplicate rows, at positions in the candidates, by file and row."""
    source, row = candidates.source.to_numpy(), candidates.row.to_numpy()
    rejects = [
        _Reject(
            str(paths[source[position]]),
            int(row[position]),
            f"duplicate of {paths[source[original[position]]]} line {row[original[position]]}",
            DUPLICATE,
        )
        for position in duplicates
    ]
    return sorted(rejects, key=lambda reject: (reject.file, reject.row))
