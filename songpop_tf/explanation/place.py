"""Where a prediction stands among the training songs of its year."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.metadata.year_quantiles import YearSongs


@dataclass(frozen=True)
class Place:
    """The place of a prediction.

    Attributes:
        higher_than: share of the songs that are less popular, 0-1.
        songs: how many songs it is compared with.
        first_year, last_year: of the songs: the song's year, and its neighbors if it has few.
    """

    higher_than: float
    songs: int
    first_year: int
    last_year: int

    @property
    def years(self) -> str:
        """The year or years, as "1977" or "1976 to 1978"."""
        if self.first_year == self.last_year:
            return str(self.first_year)
        return f"{self.first_year} to {self.last_year}"


def place_within_year(
    popularity: float, year: int, by_year: Mapping[int, YearSongs] | None
) -> Place | None:
    """Compare a prediction with the training songs of its year.

    Args:
        popularity: the prediction, 0-100.
        year: of the song, 0 = unknown.
        by_year: the songs; None if the model does not tell.

    Returns:
        None if the year is unknown or no song is near it, or if ``by_year`` is None.
    """
    if by_year is None or year not in by_year:
        return None
    songs = by_year[year]
    share = songs.share_below(popularity)
    return Place(share, songs.songs, songs.first_year, songs.last_year)
