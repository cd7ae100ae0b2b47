"""Popularity as the year alone explains it."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from pipelines.years import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR

_KNOTS = 8
_FEWEST_YEARS = 2
"""Fewer have no trend."""


def year_trend(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Fit a spline over the year, to be looked up at :func:`trend_places`.

    Args:
        table: columns year (0 = unknown) and popularity (0-100); one row or more.

    Returns:
        ``(1 + years,)`` popularity, 0-100: first for an unknown year (the mean of the songs without
        one, or of all songs), then for each year that the program knows.
    """
    dated = table[table.year != UNKNOWN_YEAR]
    undated = table[table.year == UNKNOWN_YEAR]
    unknown = (table if undated.empty else undated).popularity.mean()
    years = np.arange(FIRST_YEAR, LAST_YEAR + 1, dtype="float64")[:, np.newaxis]
    if dated.year.nunique() < _FEWEST_YEARS:
        expected = np.full(len(years), (table if dated.empty else dated).popularity.mean())
    else:
        spline = SplineTransformer(n_knots=_KNOTS, extrapolation="constant")
        model = make_pipeline(spline, Ridge(1.0))
        model.fit(dated.year.to_numpy("float64")[:, np.newaxis], dated.popularity)
        expected = model.predict(years)
    trend: npt.NDArray[np.float32] = np.clip(np.r_[unknown, expected], 0, 100).astype("float32")
    return trend


def trend_places(years: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where the years, 0 = unknown, stand in a :func:`year_trend`."""
    places: npt.NDArray[np.int64] = np.where(years == UNKNOWN_YEAR, 0, years - FIRST_YEAR + 1)
    return places
