"""Popularity by year."""

import numpy as np
import pandas as pd

from pipelines.trend import trend_places, year_trend


def test_the_trend_follows_the_years_and_stays_flat_beyond_them() -> None:
    years = np.repeat(np.arange(1960, 2021), 30)
    trend = year_trend(pd.DataFrame({"year": years, "popularity": years - 1950.0}))
    np.testing.assert_allclose(
        trend[trend_places(years[150:-150])], years[150:-150] - 1950, atol=1.5
    )
    ends = trend[trend_places(np.array([1900, 1960, 2020, 2100]))]
    np.testing.assert_allclose(ends[[0, 2]], ends[[1, 3]], atol=1e-4)


def test_an_unknown_year_has_a_popularity_of_its_own() -> None:
    table = pd.DataFrame({"year": [0, 0, 1990, 2000], "popularity": [10.0, 20.0, 60.0, 70.0]})
    assert year_trend(table)[trend_places(np.array([0]))] == 15
    assert year_trend(table[2:])[0] == 65


def test_without_any_year_the_trend_is_the_mean() -> None:
    trend = year_trend(pd.DataFrame({"year": [0, 0], "popularity": [10.0, 20.0]}))
    np.testing.assert_array_equal(trend, 15)
