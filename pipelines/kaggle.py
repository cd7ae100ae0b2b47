"""Read the two Kaggle layouts: folders of spectrogram PNGs by year, and `tracks.csv` tables.

Nothing here opens an image. What cannot be used is not dropped in silence: it comes back in a
second table with the reason, for the quarantine list.
"""

import ast
import os
import re
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipelines.csv_rows import numbered_rows
from pipelines.errors import InputError
from pipelines.sound import SOUND
from pipelines.years import FIRST_YEAR, LAST_YEAR

REQUIRED_COLUMNS = ("name", "popularity", "artists", "release_date")

INVALID = "invalid"
DUPLICATE = "duplicate"

# A list of one or more names without any quote or backslash inside: read without a parser.
_PLAIN_ARTISTS = re.compile(r"\['[^'\"\\]+'(?:, '[^'\"\\]+')*\]")
_DATE = re.compile(r"([0-9]{4})(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MISSING = frozenset({"", "nan"})


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


class _BadRowError(Exception):
    """Carries the reason for which a row is rejected."""


def find_spectrograms(directory: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the spectrogram PNGs that lie in folders by year.

    The year is the name of the nearest enclosing folder, below `directory`, that is a number, so
    an extra level of folders around or inside the years does no harm.

    Args:
        directory: folder that holds `<year>/<Artist>_-_<Title>.png`, '_' for a space.

    Returns:
        files: sorted by path; columns file (posix path relative to `directory`, as it stands on
            disk), year (int) and name ('Artist - Title': Unicode NFC, spaces for '_').
        rejects: columns file and reason: PNGs outside a year folder, of an impossible year, or
            whose name does not hold an artist and a title.

    Raises:
        InputError: `directory` is not a folder, holds no PNG, or none that can be used.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: expected a folder of spectrograms, found none there")
    paths = sorted(
        (Path(folder) / name).relative_to(directory).as_posix()
        # Year folders are often links to another disk.
        for folder, _, names in os.walk(directory, followlinks=True)
        for name in names
        if name.lower().endswith(".png")
    )
    if not paths:
        raise InputError(
            f"{directory}: expected <year>/<Artist>_-_<Title>.png files, found no PNG below it"
        )
    files: list[tuple[str, int, str]] = []
    rejects: list[tuple[str, str]] = []
    for path in paths:
        try:
            files.append((path, _folder_year(path), _song_name(path)))
        except _BadRowError as reason:
            rejects.append((_printable(path), str(reason)))
    if not files:
        first = f"{rejects[0][0]}: {rejects[0][1]}"
        raise InputError(f"{directory}: none of {len(rejects)} PNGs can be used; {first}")
    return (
        pd.DataFrame(files, columns=["file", "year", "name"]),
        pd.DataFrame(rejects, columns=["file", "reason"]),
    )


def read_tracks(paths: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read tables in the layout of the Kaggle `tracks.csv` into one table without duplicates.

    A song is a duplicate when its id, or its title, artist and year exactly as spelt, were kept
    already: an earlier file wins over a later one, within a file the higher popularity wins.

    Args:
        paths: CSV files in UTF-8 with the columns name, popularity (0-100), artists (a Python
            list of names) and release_date (YYYY, YYYY-MM, YYYY-MM-DD or empty), and maybe id;
            other columns are ignored.

    Returns:
        tracks: in the order of the files and rows; columns track_id (str, "" = none), title,
            artist (the artists joined by ", "), artists (tuple of str), year (int, 0 = unknown),
            popularity (float, 0-100), source (int, position in `paths`) and row (int, line of
            the file where the row starts; the header is line 1).
        rejects: columns file, row, reason and kind, "invalid" or "duplicate".

    Raises:
        InputError: no path given, a file that is missing, not CSV in UTF-8 or without a required
            column, or not one usable row in all files.
    """
    if not paths:
        raise InputError("expected at least one table of tracks, received none")
    candidates: list[_Track] = []
    rejects: list[_Reject] = []
    for source, path in enumerate(paths):
        kept, invalid = _read_table(path, source)
        candidates += kept
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


def _folder_year(path: str) -> int:
    numbers = [folder for folder in path.split("/")[:-1] if re.fullmatch("[0-9]+", folder)]
    if not numbers:
        raise _BadRowError("not in a folder named as a year")
    year = int(numbers[-1])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _BadRowError(f"folder year {year} is outside {FIRST_YEAR}-{LAST_YEAR}")
    return year


def _song_name(path: str) -> str:
    stem = path.rsplit("/", 1)[-1][: -len(".png")]
    if _printable(stem) != stem:
        raise _BadRowError("the file name is not UTF-8")
    if stem.startswith("."):
        raise _BadRowError("a hidden file")
    if "_-_" not in stem:
        raise _BadRowError("expected <Artist>_-_<Title>, found no '_-_' in the name")
    name = unicodedata.normalize("NFC", stem).replace("_", " ").strip()
    if not all(part.strip() for part in f" {name} ".split(" - ", 1)):
        raise _BadRowError("expected <Artist>_-_<Title>, found an empty artist or title")
    return name


def _printable(text: str) -> str:
    """Replaces the bytes of a file name that are not UTF-8, so that it can be written anywhere."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_table(path: Path, source: int) -> tuple[list[_Track], list[_Reject]]:
    tracks: list[_Track] = []
    rejects: list[_Reject] = []
    rows = numbered_rows(path)
    _, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    columns = {name: position for position, name in enumerate(names)}
    repeated = [name for name in (*REQUIRED_COLUMNS, "id", *SOUND) if names.count(name) > 1]
    if repeated:
        raise InputError(
            f"{path}: expected columns of different names, received {', '.join(repeated)} twice"
        )
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"{path}: expected the columns {', '.join(REQUIRED_COLUMNS)}; missing: "
            f"{', '.join(missing)}; found: {', '.join(columns) or 'none'}"
        )
    with warnings.catch_warnings():
        # A stray backslash in a name makes Python's parser warn, once for every such row.
        warnings.simplefilter("ignore", SyntaxWarning)
        for line, cells in rows:
            try:
                if len(cells) != len(header):
                    raise _BadRowError(f"expected {len(header)} cells, found {len(cells)}")
                tracks.append(_parse_row(cells, columns, source, line))
            except _BadRowError as reason:
                rejects.append(_Reject(str(path), line, str(reason), INVALID))
    return tracks, rejects


def _parse_row(cells: list[str], columns: dict[str, int], source: int, line: int) -> _Track:
    title = _clean(cells[columns["name"]])
    if not title:
        raise _BadRowError("the name is empty")
    artists = _parse_artists(cells[columns["artists"]])
    track_id = cells[columns["id"]].strip() if "id" in columns else ""
    return _Track(
        track_id="" if track_id.lower() in _MISSING else track_id,
        title=title,
        artist=", ".join(artists),
        artists=artists,
        year=_parse_year(cells[columns["release_date"]].strip()),
        popularity=_parse_popularity(cells[columns["popularity"]].strip()),
        source=source,
        row=line,
    )


def _clean(text: str) -> str:
    # A line break within a name would end a row of the tables that `prepare` writes.
    text = " ".join(text.splitlines()).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _parse_artists(text: str) -> tuple[str, ...]:
    text = text.strip()
    names: object
    if _PLAIN_ARTISTS.fullmatch(text):
        names = text[2:-2].split("', '")
    else:
        try:
            names = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _BadRowError(f"expected artists as a Python list of names, received {text[:80]!r}")
    # The real table credits a few songs to a name and an empty name.
    artists = tuple(name for name in map(_clean, names) if name)
    if not artists:
        raise _BadRowError(f"expected at least one artist, received {text[:80]!r}")
    return artists


def _parse_year(date: str) -> int:
    if date.lower() in _MISSING:
        return 0
    match = _DATE.fullmatch(date)
    if match is None:
        raise _BadRowError(f"expected YYYY, YYYY-MM or YYYY-MM-DD, received {date[:40]!r}")
    year = int(match[1])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _BadRowError(f"expected a release year in {FIRST_YEAR}-{LAST_YEAR}, received {year}")
    return year


def _parse_popularity(text: str) -> float:
    if text.lower() in _MISSING:
        raise _BadRowError("the popularity is missing")
    if not _NUMBER.fullmatch(text) or not 0 <= float(text) <= 100:
        raise _BadRowError(f"expected a popularity in 0-100, received {text[:40]!r}")
    return float(text)


def _drop_duplicates(
    candidates: list[_Track], paths: Sequence[Path]
) -> tuple[list[_Track], list[_Reject]]:
    """Keeps the best of rows that are the same; the order of files and rows stays."""
    seen: dict[str | tuple[str, str, int], _Track] = {}
    kept: list[_Track] = []
    duplicates: list[_Reject] = []
    for track in sorted(candidates, key=lambda one: (one.source, -one.popularity, one.row)):
        song = (track.title, track.artist, track.year)
        original = seen.get(track.track_id) if track.track_id else None
        original = original or seen.get(song)
        if original is not None:
            reason = f"duplicate of {paths[original.source]} line {original.row}"
            duplicates.append(_Reject(str(paths[track.source]), track.row, reason, DUPLICATE))
            continue
        kept.append(track)
        seen[song] = track
        if track.track_id:
            seen[track.track_id] = track
    return (
        sorted(kept, key=lambda one: (one.source, one.row)),
        sorted(duplicates, key=lambda one: (one.file, one.row)),
    )
