"""Spellings of a song: titles of a streaming catalog, and variants in charts."""

import re
import unicodedata

import numpy as np

_CREDIT = re.compile(r" \(feat\. (.+)\)$")
_VERSION = re.compile(r" - [^-]*(?:Remaster|Version|Mono)[^-]*$")


def track_title(title: str, guest: str | None, year: int, rng: np.random.Generator) -> str:
    """Return a title as in a streaming catalog: some with a guest, some with a version."""
    if guest is not None:
        title = f"{title} (feat. {guest})"
    uniform = rng.random()
    if uniform < 0.10 and year < 2005:
        return f"{title} - Remastered {int(rng.integers(2005, 2021))}"
    if uniform < 0.14:
        return f"{title} - Single Version"
    if uniform < 0.16:
        return f"{title} - Mono"
    return title


def chart_spelling(artist: str, title: str, rng: np.random.Generator) -> tuple[str, str]:
    """Return artist and title as a chart might spell the song of a streaming catalog.

    As in charts, versions after a dash are removed and guests move to the artist. Half of the songs
    have no other difference; the rest differ in one or two of: 'The', '&', accents, case,
    punctuation. The names remain recognizable.
    """
    title = _VERSION.sub("", title)
    credit = _CREDIT.search(title)
    if credit is not None:
        title = title[: credit.start()]
        artist = f"{artist} {'Feat.' if rng.random() < 0.5 else 'Featuring'} {credit.group(1)}"
    if rng.random() < 0.5:
        return artist, title
    for change in rng.integers(0, 6, size=2).tolist():
        if change == 0:
            artist = artist.removeprefix("The ")
        elif change == 1 and artist.startswith("The ") and " Feat" not in artist:
            artist = artist.removeprefix("The ") + ", The"
        elif change == 2:
            artist, title = artist.replace("&", "And"), title.replace("&", "and")
        elif change == 3:
            artist, title = _without_accents(artist), _without_accents(title)
        elif change == 4:
            title = title.upper() if rng.random() < 0.3 else title.lower()
        else:
            title = re.sub(r"[',.!]", "", title)
    return artist, title


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
