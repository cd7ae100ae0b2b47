"""Width and coverage of prediction intervals, of all songs and by group."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.constants import UNKNOWN_YEAR
from songpop_tf.array_types import Vector

MIN_GROUP_SONGS = 30
"""Groups with fewer songs are not reported: their coverage would be mostly chance."""


def interval_metrics(truth: Vector, low: Vector, high: Vector) -> dict[str, Any]:
    """Number of songs, mean width in points, and coverage of their intervals.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        low, high: ``(n,)`` ends of the intervals.

    Returns:
        n, width (mean of high - low) and coverage (share of the songs within their interval).
    """
    return {
        "n": len(truth),
        "width": float((high - low).mean()),
        "coverage": float(((low <= truth) & (truth <= high)).mean()),
    }


def interval_metrics_by_group(
    truth: Vector,
    low: Vector,
    high: Vector,
    year: npt.NDArray[np.integer],
    has_history: npt.NDArray[np.bool_],
) -> dict[str, dict[str, Any]]:
    """`interval_metrics` of known and unknown artists, and of each decade, with 30 songs or more.

    Args:
        truth, low, high: as in `interval_metrics`.
        year: ``(n,)``, 0 = unknown.
        has_history: ``(n,)``, whether the model is shown other songs of the main artist.
    """
    return {
        name: interval_metrics(truth[rows], low[rows], high[rows])
        for name, rows in _groups(year, has_history)
        if rows.sum() >= MIN_GROUP_SONGS
    }


def _groups(
    year: npt.NDArray[np.integer], has_history: npt.NDArray[np.bool_]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    yield "known artists", has_history
    yield "unknown artists", ~has_history
    decades = year // 10 * 10
    for decade in np.unique(decades[year != UNKNOWN_YEAR]):
        yield f"{decade}s", decades == decade
