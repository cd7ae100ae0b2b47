"""Index of the tracks by the comparison keys of their artists and titles."""

from array import array
from collections.abc import Sequence, Set
from typing import NamedTuple

import pandas as pd

from pipelines.linkage import normalization
from pipelines.linkage.deduplication import credited_artist_keys
from pipelines.linkage.similarity import strip_title_spaces


class CreditKeys(NamedTuple):
    """Keys of a credit.

    Attributes:
        names: each artist, without spaces.
        comparable: the first artist, and all main artists as one key, both with spaces.
    """

    names: tuple[str, ...]
    comparable: tuple[str, str]


def compact_title_key(title: str) -> str:
    """Return the title key without spaces and leading article."""
    return strip_title_spaces(normalization.title_key(title))


def credit_keys(artists: Sequence[str]) -> CreditKeys:
    """Return the keys of the artists of one song."""
    first_artist = normalization.artist_names(artists[0])[0]
    main_artists = normalization.artist_key(", ".join(artists))
    return CreditKeys(credited_artist_keys(artists), (first_artist, main_artists))


def share_first_artist(first: CreditKeys, second: CreditKeys) -> bool:
    """Whether the first artist of one credit is credited by the other."""
    return first.names[0] in second.names or second.names[0] in first.names


class TrackIndex:
    """The columns of the tracks, and the positions of the tracks by their keys.

    Args:
        tracks: as `link_records` takes them.
        title_keys: the titles to look up, from `compact_title_key`: an index of all titles would
            need more memory than the tracks.
    """

    def __init__(self, tracks: pd.DataFrame, title_keys: Set[str]) -> None:
        self.labels = tracks.index
        self.titles = tracks["title"].array
        self.joined_artists = tracks["artist"].array
        self.artists = tracks["artists"].array
        self.years = tracks["year"].array
        self.popularities = tracks["popularity"].array
        self.sources = tracks["source"].array
        self.by_artist: dict[str, array[int]] = {}
        self.by_title: dict[str, list[int]] = {}
        for position, (title, artists) in enumerate(zip(self.titles, self.artists, strict=True)):
            title_key = compact_title_key(title)
            if title_key in title_keys:
                self.by_title.setdefault(title_key, []).append(position)
            for name in credited_artist_keys(artists):
                if name not in self.by_artist:
                    self.by_artist[name] = array("q")
                self.by_artist[name].append(position)
        self.artist_names = list(self.by_artist)

    def by_credit(self, credit: CreditKeys) -> list[int]:
        """Return the positions of tracks that share an artist who is first in either credit."""
        positions = {
            position
            for name in credit.names
            for position in self.by_artist.get(name, ())
            if name == credit.names[0] or self.credit(position).names[0] in credit.names
        }
        return sorted(positions)

    def credit(self, position: int) -> CreditKeys:
        """Return the keys of the artists of the track at a position."""
        return credit_keys(self.artists[position])

    def version(self, position: int) -> frozenset[str]:
        """Return the version tags of the track at a position."""
        return normalization.version_tags(self.titles[position])
