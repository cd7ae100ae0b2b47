"""Read tables in the layout of the Kaggle `tracks.csv` and remove duplicates.

Rows that cannot be used are not dropped silently: they are returned in a second table with the
reason, for the quarantine list.
"""

import ast
import re
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.tables.audio_features import AUDIO_FEATURES
from pipelines.tables.csv_reader import numbered_rows

REQUIRED_COLUMNS = ("name", "popularity", "artists", "release_date")

INVALID = "invalid"
DUPLICATE = "duplicate"

# A list of one or more names without any quote or backslash inside: split without a parser.
_SIMPLE_ARTIST_LIST = re.compile(r"\['[^'\"\\]+'(?:, '[^'\"\\]+')*\]")
_DATE = re.compile(r"([0-9]{4})(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MISSING_VALUES = frozenset({"", "nan"})


class _Track(NamedTuple):
    track_id: str
    title: str
    artist: str
    artists: tuple[str, ...]
    year: int
    popularity: float
    source: int
    row: int


class _Reject(NamedTuple):
    file: str
    row: int
    reason: str
    kind: str


class _InvalidRowError(Exception):
    """Carries the reason for which a row is rejected."""


def read_tracks(paths: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read tables in the layout of the Kaggle `tracks.csv` into one table without duplicates.

    A row is a duplicate if a kept row has its id, or exactly its title, artist and year: an earlier
    file takes precedence over a later one, within a file the higher popularity.

    Args:
        paths: CSV files in UTF-8 with the columns name, popularity (0-100), artists (a Python
            list of names) and release_date (YYYY, YYYY-MM, YYYY-MM-DD or empty), and optionally id;
            other columns are ignored.

    Returns:
        tracks: in the order of the files and rows; columns track_id (str, "" = none), title,
            artist (the artists joined by ", "), artists (tuple of str), year (int, 0 = unknown),
            popularity (float, 0-100), source (int, position in `paths`) and row (int, line of
            the file where the row starts; the header is line 1).
        rejects: columns file, row, reason and kind, "invalid" or "duplicate".

    Raises:
        InputError: no path is given, a file is missing, is not CSV in UTF-8 or lacks a required
            column, or no row of any file can be used.
    """
    if not paths:
        raise InputError("expected at least one table of tracks, received none")
    candidates: list[_Track] = []
    rejects: list[_Reject] = []
    for source, path in enumerate(paths):
        valid, invalid = _read_table(path, source)
        candidates += valid
        rejects += invalid
    tracks, duplicates = _drop_duplicates(candidates, paths)
    if not tracks:
        first = f"; line {rejects[0].row}: {rejects[0].reason}" if rejects else ""
        files = ", ".join(str(path) for path in paths)
        raise InputError(f"{files}: none of {len(rejects)} rows can be used{first}")
    return (
        pd.DataFrame(tracks, columns=list(_Track._fields)),
        pd.DataFrame(rejects + duplicates, columns=list(_Reject._fields)),
    )


def _read_table(path: Path, source: int) -> tuple[list[_Track], list[_Reject]]:
    tracks: list[_Track] = []
    rejects: list[_Reject] = []
    rows = numbered_rows(path)
    _, header = next(rows, (1, []))
    columns = _column_positions(path, header)
    with warnings.catch_warnings():
        # A stray backslash in a name makes Python's parser warn, once per such row.
        warnings.simplefilter("ignore", SyntaxWarning)
        for line, cells in rows:
            try:
                if len(cells) != len(header):
                    raise _InvalidRowError(f"expected {len(header)} cells, received {len(cells)}")
                tracks.append(_parse_row(cells, columns, source, line))
            except _InvalidRowError as reason:
                rejects.append(_Reject(str(path), line, str(reason), INVALID))
    return tracks, rejects


def _column_positions(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column; check that the columns are complete and unique."""
    names = [name.strip() for name in header]
    columns = {name: position for position, name in enumerate(names)}
    known_columns = (*REQUIRED_COLUMNS, "id", *AUDIO_FEATURES)
    repeated = [name for name in known_columns if names.count(name) > 1]
    if repeated:
        raise InputError(
            f"{path}: expected columns of different names, received {', '.join(repeated)} twice"
        )
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"{path}: expected the columns {', '.join(REQUIRED_COLUMNS)}; missing: "
            f"{', '.join(missing)}; received: {', '.join(columns) or 'none'}"
        )
    return columns


def _parse_row(cells: list[str], columns: dict[str, int], source: int, line: int) -> _Track:
    title = _clean_name(cells[columns["name"]])
    if not title:
        raise _InvalidRowError("the name is empty")
    artists = _parse_artists(cells[columns["artists"]])
    track_id = cells[columns["id"]].strip() if "id" in columns else ""
    return _Track(
        track_id="" if track_id.lower() in _MISSING_VALUES else track_id,
        title=title,
        artist=", ".join(artists),
        artists=artists,
        year=_parse_year(cells[columns["release_date"]].strip()),
        popularity=_parse_popularity(cells[columns["popularity"]].strip()),
        source=source,
        row=line,
    )


def _clean_name(text: str) -> str:
    # A line break within a name would end a row of the tables that `prepare` writes.
    text = " ".join(text.splitlines()).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _parse_artists(text: str) -> tuple[str, ...]:
    text = text.strip()
    names: object
    if _SIMPLE_ARTIST_LIST.fullmatch(text):
        names = text[2:-2].split("', '")
    else:
        try:
            names = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _InvalidRowError(
            f"expected artists as a Python list of names, received {text[:80]!r}"
        )
    # The real table credits some songs to a name and an empty name.
    artists = tuple(name for name in map(_clean_name, names) if name)
    if not artists:
        raise _InvalidRowError(f"expected at least one artist, received {text[:80]!r}")
    return artists


def _parse_year(date: str) -> int:
    if date.lower() in _MISSING_VALUES:
        return UNKNOWN_YEAR
    match = _DATE.fullmatch(date)
    if match is None:
        raise _InvalidRowError(f"expected YYYY, YYYY-MM or YYYY-MM-DD, received {date[:40]!r}")
    year = int(match[1])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _InvalidRowError(
            f"expected a release year in {FIRST_YEAR}-{LAST_YEAR}, received {year}"
        )
    return year


def _parse_popularity(text: str) -> float:
    if text.lower() in _MISSING_VALUES:
        raise _InvalidRowError("the popularity is missing")
    if not _NUMBER.fullmatch(text) or not 0 <= float(text) <= 100:
        raise _InvalidRowError(f"expected a popularity in 0-100, received {text[:40]!r}")
    return float(text)


def _drop_duplicates(
    candidates: list[_Track], paths: Sequence[Path]
) -> tuple[list[_Track], list[_Reject]]:
    """Keep the preferred row of each song; the order of files and rows is unchanged."""
    kept_by_key: dict[str | tuple[str, str, int], _Track] = {}
    kept: list[_Track] = []
    duplicates: list[_Reject] = []
    for track in sorted(candidates, key=lambda track: (track.source, -track.popularity, track.row)):
        song = (track.title, track.artist, track.year)
        original = kept_by_key.get(track.track_id) if track.track_id else None
        original = original or kept_by_key.get(song)
        if original is not None:
            reason = f"duplicate of {paths[original.source]} line {original.row}"
            duplicates.append(_Reject(str(paths[track.source]), track.row, reason, DUPLICATE))
            continue
        kept.append(track)
        kept_by_key[song] = track
        if track.track_id:
            kept_by_key[track.track_id] = track
    return (
        sorted(kept, key=lambda track: (track.source, track.row)),
        sorted(duplicates, key=lambda duplicate: (duplicate.file, duplicate.row)),
    )
