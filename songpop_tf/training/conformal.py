"""Split-conformal prediction intervals, calibrated on the validation songs.

Lei et al., Distribution-Free Predictive Inference for Regression, 2018.
"""

import math

import numpy as np

from songpop_tf.array_types import Vector

COVERAGE = 0.9
"""Target coverage: fraction of songs whose popularity is within the interval."""


def half_width(truth: Vector, prediction: Vector, share: float = COVERAGE) -> float:
    """Half width of the split-conformal interval, in points.

    The ``ceil((n + 1) * share)``-th smallest absolute error of ``n`` songs that the model was not
    fitted to. For new songs from the same distribution the interval covers at least ``share``,
    whatever the model. If ``n`` is too small for that, the half width is 100 points, the whole
    scale.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        prediction: ``(n,)``.
        share: target coverage, between 0 and 1.
    """
    rank = math.ceil((len(truth) + 1) * share)
    errors = np.sort(np.abs(truth - prediction))
    return float(errors[rank - 1]) if rank <= len(errors) else 100.0


def interval(popularity: Vector, half_width: Vector | float) -> tuple[Vector, Vector]:
    """Lower and upper end of the interval of each prediction, clipped to 0-100."""
    return np.clip(popularity - half_width, 0, 100), np.clip(popularity + half_width, 0, 100)


def coverage(truth: Vector, low: Vector, high: Vector) -> float:
    """Fraction of the songs whose popularity is within the interval."""
    return float(((low <= truth) & (truth <= high)).mean())
