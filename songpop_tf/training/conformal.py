"""How far a prediction may be off: split-conformal intervals from songs not trained on."""

import math

import numpy as np
import numpy.typing as npt

COVERAGE = 0.9
"""Share of songs whose popularity lies within the interval."""


def half_width(
    truth: npt.NDArray[np.float64], prediction: npt.NDArray[np.float64], coverage: float = COVERAGE
) -> float:
    """Points to either side of a prediction within which a new song's popularity lies.

    The ``ceil((n + 1) coverage)``-th smallest error of n songs that the model was not fitted to
    (Lei et al., Distribution-Free Predictive Inference for Regression, 2018): with songs like
    those it covers at least that share, whatever the model. With too few songs that is 100 points:
    the whole scale.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        prediction: ``(n,)``.
        coverage: between 0 and 1.
    """
    rank = math.ceil((len(truth) + 1) * coverage)
    errors = np.sort(np.abs(truth - prediction))
    return float(errors[rank - 1]) if rank <= len(errors) else 100.0


def interval(
    popularity: npt.NDArray[np.float64], points: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper end for each prediction, within 0-100."""
    return np.clip(popularity - points, 0, 100), np.clip(popularity + points, 0, 100)
