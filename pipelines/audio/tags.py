"""Artist, title and year of a sound file: from its tags, else from its name and folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from tinytag import TinyTag, TinyTagException

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR

# "03 Song", "3. Song" and "3 - Artist - Song" begin with a track number, "50 Cent - Song" does not.
_TRACK_NUMBER = re.compile(r"^(?:\d{1,3}\s*[.)]\s+|0\d[\s.-]+|\d{1,3} - (?=.* - ))(?=\S)")
_YEAR = re.compile(r"\s*(\d{4})")


@dataclass(frozen=True)
class SongTags:
    """What is known of a song besides its audio; "" and year 0 mean unknown."""

    artist: str = ""
    title: str = ""
    year: int = UNKNOWN_YEAR

    def missing(self, year_source: str) -> str:
        """Say in one line what is missing to link the song; else "".

        Args:
            year_source: where a year may come from if the tags have none.
        """
        if not (self.artist and self.title):
            return "expected artist and title in the tags or a name like Artist - Title, found none"
        if not self.year:
            return f"expected a year in the tags or {year_source}, found none"
        return ""


def read_tags(path: Path) -> SongTags:
    """Read artist, title and year of a sound file, those without a tag from its path."""
    tags = _embedded_tags(path)
    named = tags_of_path(path)
    return SongTags(tags.artist or named.artist, tags.title or named.title, tags.year or named.year)


def tags_of_path(path: Path) -> SongTags:
    """Artist and title from a name like ``Artist - Title.mp3`` or ``Artist_-_Title.mp3``, the year
    from the name of its folder.
    """
    stem = _clean(path.stem.replace("_", " "))
    folder = path.absolute().parent.name
    is_year = re.fullmatch(r"\d{4}", folder) and FIRST_YEAR <= int(folder) <= LAST_YEAR
    year = int(folder) if is_year else UNKNOWN_YEAR
    artist, dash, title = _TRACK_NUMBER.sub("", stem).partition(" - ")
    if not dash:
        return SongTags("", _TRACK_NUMBER.sub("", stem), year)
    return SongTags(artist.strip(), title.strip(), year)


def _embedded_tags(path: Path) -> SongTags:
    try:
        tag = TinyTag.get(path)
    except (TinyTagException, OSError, ValueError):
        return SongTags()  # no tags: the decoder reports what is wrong with the file
    match = _YEAR.match(str(tag.year or ""))
    year = int(match[1]) if match else UNKNOWN_YEAR
    return SongTags(
        _clean(tag.artist or tag.albumartist),
        _clean(tag.title),
        year if FIRST_YEAR <= year <= LAST_YEAR else UNKNOWN_YEAR,
    )


def _clean(text: str | None) -> str:
    """One line without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text or "").split())
