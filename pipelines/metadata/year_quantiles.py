"""How popular the songs of each year are: quantiles of the training songs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.constants import UNKNOWN_YEAR
from pipelines.file_errors import reading
from pipelines.io import read_json, write_json

MIN_SONGS = 100
"""Songs that a year's quantiles need; a year with fewer takes its neighbors in."""
MAX_DISTANCE = 5
"""Years on either side that may be taken in. With fewer than `MIN_SONGS` then, there are those."""
STEPS = 50
"""Quantiles are stored at 0, 1/50, ... 1."""


@dataclass(frozen=True)
class YearSongs:
    """The popularity of the training songs of one year, or of it and its neighbors.

    Attributes:
        first_year, last_year: of the songs.
        songs: how many there are.
        quantiles: their popularity, 0-100, at 51 evenly spaced levels from 0 to 1.
    """

    first_year: int
    last_year: int
    songs: int
    quantiles: tuple[float, ...]

    def share_below(self, popularity: float) -> float:
        """The share of the songs that are less popular, 0-1, interpolated between quantiles."""
        # Songs of equal popularity are adjacent quantiles; the first of them counts.
        ascending = np.array(self.quantiles) + 1e-6 * np.arange(STEPS + 1)
        return float(np.interp(popularity, ascending, np.linspace(0, 1, STEPS + 1)))


def fit_year_quantiles(
    years: npt.NDArray[np.integer], popularity: npt.NDArray[np.number]
) -> dict[int, YearSongs]:
    """Compute the quantiles of each year from the first to the last one of the songs.

    Args:
        years: ``(songs,)``, 0 = unknown; those songs are left out.
        popularity: ``(songs,)`` 0-100.

    Returns:
        By year; a year without songs within `MAX_DISTANCE` is absent.
    """
    known = years != UNKNOWN_YEAR
    years, popularity = years[known], popularity[known]
    if not len(years):
        return {}
    by_year = {
        year: _songs_around(year, years, popularity)
        for year in range(int(years.min()), int(years.max()) + 1)
    }
    return {year: songs for year, songs in by_year.items() if songs is not None}


def _songs_around(
    year: int, years: npt.NDArray[np.integer], popularity: npt.NDArray[np.number]
) -> YearSongs | None:
    distances = np.abs(years - year)
    distance = next(
        (near for near in range(MAX_DISTANCE) if (distances <= near).sum() >= MIN_SONGS),
        MAX_DISTANCE,
    )
    selected = distances <= distance
    if not selected.any():
        return None
    quantiles = np.quantile(popularity[selected], np.linspace(0, 1, STEPS + 1))
    return YearSongs(
        int(years[selected].min()),
        int(years[selected].max()),
        int(selected.sum()),
        tuple(np.round(quantiles, 1).tolist()),
    )


def write_year_quantiles(path: Path, by_year: Mapping[int, YearSongs]) -> None:
    """Write what `read_year_quantiles` reads."""
    write_json(path, {str(year): asdict(songs) for year, songs in by_year.items()})


def read_year_quantiles(path: Path) -> dict[int, YearSongs]:
    """Read the quantiles by year.

    Raises:
        InputError: the file is missing or damaged.
    """
    with reading(path, "quantiles of popularity by year"):
        content: dict[str, dict[str, Any]] = read_json(path)
        return {
            int(year): YearSongs(**{**songs, "quantiles": tuple(songs["quantiles"])})
            for year, songs in content.items()
        }
