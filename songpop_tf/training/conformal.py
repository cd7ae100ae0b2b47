"""How far a prediction may be off: split-conformal intervals from songs not trained on."""

import math

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

COVERAGE = 0.9
"""Share of songs whose popularity lies within the interval."""


def half_width(truth: Vector, prediction: Vector, share: float = COVERAGE) -> float:
    """Points to either side of a prediction within which a new song's popularity lies.

    The ``ceil((n + 1) share)``-th smallest error of n songs that the model was not fitted to
    (Lei et al., Distribution-Free Predictive Inference for Regression, 2018): with songs like
    those it covers at least that share, whatever the model. With too few songs that is 100 points:
    the whole scale.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        prediction: ``(n,)``.
        share: of the songs to be covered, between 0 and 1.
    """
    rank = math.ceil((len(truth) + 1) * share)
    errors = np.sort(np.abs(truth - prediction))
    return float(errors[rank - 1]) if rank <= len(errors) else 100.0


def interval(popularity: Vector, points: Vector | float) -> tuple[Vector, Vector]:
    """Lower and upper end for each prediction, ``points`` to either side, within 0-100."""
    return np.clip(popularity - points, 0, 100), np.clip(popularity + points, 0, 100)


def coverage(truth: Vector, low: Vector, high: Vector) -> float:
    """Share of the songs whose popularity lies within the interval."""
    return float(((low <= truth) & (truth <= high)).mean())
