"""Artist, title and year of a sound file: from its tags, else from its name and folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from tinytag import TinyTag, TinyTagException

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR

_TRACK_NUMBER = re.compile(r"^\d{1,3}[\s._-]+(?=\S)")
_YEAR = re.compile(r"(?<!\d)(\d{4})(?!\d)")


@dataclass(frozen=True)
class SongTags:
    """What is known of a song besides its audio; "" and year 0 mean unknown."""

    artist: str = ""
    title: str = ""
    year: int = UNKNOWN_YEAR


def read_tags(path: Path) -> SongTags:
    """Read artist, title and year of a sound file.

    Missing tags are taken from a name like ``Artist - Title.mp3`` or ``Artist_-_Title.mp3``, the
    year from the nearest folder that is named as one.
    """
    tags = _embedded_tags(path)
    named = _parse_name(path)
    return SongTags(tags.artist or named.artist, tags.title or named.title, tags.year or named.year)


def _embedded_tags(path: Path) -> SongTags:
    try:
        tag = TinyTag.get(path)
    except (TinyTagException, OSError, ValueError):
        return SongTags()  # no tags: the decoder reports what is wrong with the file
    match = _YEAR.search(str(tag.year or ""))
    year = int(match[1]) if match else UNKNOWN_YEAR
    return SongTags(
        _clean(tag.artist or tag.albumartist),
        _clean(tag.title),
        year if FIRST_YEAR <= year <= LAST_YEAR else UNKNOWN_YEAR,
    )


def _clean(text: str | None) -> str:
    """One line without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text or "").split())


def _parse_name(path: Path) -> SongTags:
    stem = _clean(path.stem.replace("_", " "))
    folder_years = [
        int(part)
        for part in path.parent.parts
        if re.fullmatch(r"\d{4}", part) and FIRST_YEAR <= int(part) <= LAST_YEAR
    ]
    year = folder_years[-1] if folder_years else UNKNOWN_YEAR
    artist, dash, title = _TRACK_NUMBER.sub("", stem).partition(" - ")
    if not dash:
        return SongTags("", _TRACK_NUMBER.sub("", stem), year)
    return SongTags(artist.strip(), title.strip(), year)
