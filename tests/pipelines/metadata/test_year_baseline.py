"""Popularity by year."""

import numpy as np
import pandas as pd

from pipelines.metadata.year_baseline import fit_year_baseline, year_index


def test_baseline_follows_the_years_and_is_constant_beyond_them() -> None:
    years = np.repeat(np.arange(1960, 2021), 30)
    baseline = fit_year_baseline(pd.DataFrame({"year": years, "popularity": years - 1950.0}))
    inner = years[150:-150]
    np.testing.assert_allclose(baseline[year_index(inner)], inner - 1950, atol=1.5)
    ends = baseline[year_index(np.array([1900, 1960, 2020, 2100]))]
    np.testing.assert_allclose(ends[[0, 2]], ends[[1, 3]], atol=1e-4)


def test_unknown_year_has_a_baseline_of_its_own() -> None:
    table = pd.DataFrame({"year": [0, 0, 1990, 2000], "popularity": [10.0, 20.0, 60.0, 70.0]})
    assert fit_year_baseline(table)[year_index(np.array([0]))] == 15
    assert fit_year_baseline(table[2:])[0] == 65


def test_without_any_year_the_baseline_is_the_mean() -> None:
    baseline = fit_year_baseline(pd.DataFrame({"year": [0, 0], "popularity": [10.0, 20.0]}))
    np.testing.assert_array_equal(baseline, 15)
