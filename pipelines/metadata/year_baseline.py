"""Year baseline: the popularity expected from the year alone."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR

_KNOTS = 8
_MIN_YEARS = 2
"""Distinct years that a spline needs; with fewer the baseline is constant."""


def fit_year_baseline(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Fit a spline of popularity over the year and tabulate it for every supported year.

    Args:
        table: columns year (0 = unknown) and popularity (0-100); one row or more.

    Returns:
        ``(1 + years,)`` popularity, 0-100, by `year_index`. The first is that of an unknown
        year: the mean of the songs without year, or of all songs if each has a year. Outside the
        years of the table the spline is extrapolated as a constant.
    """
    dated = table[table.year != UNKNOWN_YEAR]
    undated = table[table.year == UNKNOWN_YEAR]
    unknown_year = (table if undated.empty else undated).popularity.mean()
    years = np.arange(FIRST_YEAR, LAST_YEAR + 1, dtype="float64")[:, np.newaxis]
    if dated.year.nunique() < _MIN_YEARS:
        by_year = np.full(len(years), (table if dated.empty else dated).popularity.mean())
    else:
        spline = SplineTransformer(n_knots=_KNOTS, extrapolation="constant")
        model = make_pipeline(spline, Ridge(1.0))
        model.fit(dated.year.to_numpy("float64")[:, np.newaxis], dated.popularity)
        by_year = model.predict(years)
    baseline: npt.NDArray[np.float32] = np.r_[unknown_year, by_year].clip(0, 100).astype("float32")
    return baseline


def year_index(years: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the indices of years (0 = unknown) in the result of `fit_year_baseline`."""
    indices: npt.NDArray[np.int64] = np.where(years == UNKNOWN_YEAR, 0, years - FIRST_YEAR + 1)
    return indices
