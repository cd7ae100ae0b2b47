"""The columns of a table by the names that other tables and tools give them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.errors import InputError

TITLE_NAMES = (
    "title",
    "name",
    "track_name",
    "track_title",
    "song_name",
    "song_title",
    "song",
    "track",
)
ARTIST_NAMES = (
    "artists",
    "artist",
    "artist_name",
    "artist_names",
    "artists_name",
    "artists_names",
    "artist(s)_name",
    "artist_name(s)",
    "track_artist",
    "track_artists",
    "performer",
)
DATE_NAMES = (
    "release_date",
    "year",
    "release_year",
    "released_year",
    "album_release_date",
    "track_album_release_date",
)

_MAX_NAMES, _MAX_NAME = 40, 60
"""Number and length of the names in a message."""

Synonyms = Mapping[str, Sequence[str]]
"""Other names of each column that is read, the most likely one first."""


def normalize_name(name: str) -> str:
    """A column's name without what tools change: case, spaces, underscores, hyphens, dots."""
    return re.sub(r"[\s_.\-]+", "", name.casefold())


def find_columns(path: Path, header: Sequence[str], synonyms: Synonyms) -> dict[str, int]:
    """Return the position of each column that the header has.

    A column of exactly the name comes first, then one that differs in case or spaces, then one
    with another usual name.

    Raises:
        InputError: the header has one of the names twice.
    """
    normal = [normalize_name(name) for name in header]
    columns = {}
    for name, others in synonyms.items():
        if header.count(name) > 1:
            raise InputError(f"{path}: expected columns of different names, received {name} twice")
        if name in header:
            columns[name] = header.index(name)
            continue
        for candidate in map(normalize_name, (name, *others)):
            if normal.count(candidate) > 1:
                alike = [header[i] for i, n in enumerate(normal) if n == candidate]
                raise InputError(
                    f"{path}: expected one column {name}, received several: {list_names(alike)}"
                )
            if candidate in normal:
                columns[name] = normal.index(candidate)
                break
    return columns


def list_names(header: Sequence[str]) -> str:
    """The names in a header for a message: the first ones, each shortened and printable."""
    names = [name for name in header if name]
    shown = [
        "".join(char if char.isprintable() else "\ufffd" for char in name[:_MAX_NAME])
        for name in names[:_MAX_NAMES]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "") or "none"


def renaming_note(header: Sequence[str], columns: Mapping[str, int]) -> str:
    """Say which columns were read under another name; "" if none was."""
    renamed = [
        f"{header[position]} as {name}"
        for name, position in columns.items()
        if normalize_name(header[position]) != normalize_name(name)
    ]
    return f"columns taken: {', '.join(renamed)}" if renamed else ""
