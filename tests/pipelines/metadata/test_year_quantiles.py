"""Quantiles of popularity by year."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.metadata.year_quantiles import (
    MAX_DISTANCE,
    YearSongs,
    fit_year_quantiles,
    read_year_quantiles,
    write_year_quantiles,
)


def test_share_below_is_that_of_the_songs() -> None:
    rng = np.random.default_rng(0)
    popularity = rng.uniform(0, 100, 2000).round()
    songs = fit_year_quantiles(np.full(2000, 1977), popularity)[1977]
    assert (songs.songs, songs.first_year, songs.last_year) == (2000, 1977, 1977)
    for value in (12.5, 50.5, 97.5):
        assert songs.share_below(value) == pytest.approx((popularity < value).mean(), abs=0.02)
    assert songs.share_below(-1) == 0
    assert songs.share_below(101) == 1


def test_equally_popular_songs_are_not_below() -> None:
    songs = fit_year_quantiles(np.full(500, 1977), np.repeat([0, 50], 250))[1977]
    assert songs.share_below(0) == 0
    assert songs.share_below(25) == pytest.approx(0.5, abs=0.02)


def test_year_with_few_songs_takes_its_neighbors_in() -> None:
    years = np.repeat([1970, 1975, 1976, 1977, 1999, 0], [200, 60, 10, 60, 3, 500])
    by_year = fit_year_quantiles(years, np.full(len(years), 40.0))
    assert by_year[1970].songs == 200
    neighbors = by_year[1976]
    assert (neighbors.first_year, neighbors.last_year, neighbors.songs) == (1975, 1977, 130)
    assert by_year[1999].songs == 3, "no more than there are"
    assert by_year[1999 - MAX_DISTANCE].songs == 3
    assert 1985 not in by_year, "no song is near"
    assert fit_year_quantiles(np.array([0]), np.array([50.0])) == {}


def test_file_holds_the_same(tmp_path: Path) -> None:
    by_year = {1977: YearSongs(1976, 1978, 120, tuple(np.arange(51.0).tolist()))}
    write_year_quantiles(tmp_path / "years.json", by_year)
    assert read_year_quantiles(tmp_path / "years.json") == by_year
    (tmp_path / "years.json").write_text('{"1977": {}}')
    with pytest.raises(InputError, match="quantiles of popularity by year"):
        read_year_quantiles(tmp_path / "years.json")
