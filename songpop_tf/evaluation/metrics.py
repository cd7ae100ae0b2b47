"""Regression metrics with bootstrap intervals. All errors are in points of the 0-100 scale."""

from typing import Any

import numpy as np
from scipy import stats

from songpop_tf.array_types import Vector
from songpop_tf.constants import WITHIN_POINTS

PREDICTED_PREFIX = "predicted_"
"""Prefix of the columns of a predictions table; the name of the baseline or model follows."""
RESAMPLES = 2000
CONFIDENCE = 0.95


def metrics(truth: Vector, prediction: Vector, seed: int) -> dict[str, Any]:
    """Compute all metrics of one model.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        prediction: ``(n,)``.
        seed: of the bootstrap.

    Returns:
        n, mse, rmse, mae, r2 (1 - MSE / variance of ``truth``), spearman (0 for constant
        predictions), within_15 (share of predictions with an absolute error of at most 15 points)
        and mse_ci, the 95 % percentile bootstrap interval of the MSE over songs.

    Raises:
        ValueError: the vectors differ in length or have fewer than two songs.
    """
    if truth.shape != prediction.shape or truth.ndim != 1 or len(truth) < 2:
        raise ValueError(
            "truth and prediction: expected two vectors of the same length of at least 2, received "
            f"shapes {truth.shape} and {prediction.shape}"
        )
    squared = (truth - prediction) ** 2
    absolute = np.abs(truth - prediction)
    return {
        "n": len(truth),
        "mse": float(squared.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "mae": float(absolute.mean()),
        "r2": r2(truth, prediction),
        "spearman": _spearman(truth, prediction),
        "within_15": float((absolute <= WITHIN_POINTS).mean()),
        "mse_ci": list(mean_interval(squared, seed)),
    }


def r2(truth: Vector, prediction: Vector) -> float:
    """1 - MSE / variance of ``truth``; 0 if ``truth`` is constant."""
    variance = float(truth.var())
    return 1.0 - float(((truth - prediction) ** 2).mean()) / variance if variance else 0.0


def mean_interval(values: Vector, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``values`` ``(n,)``."""
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        batch=100,  # all resamples in one batch would need n x 2000 numbers of memory
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def mse_gain(
    truth: Vector, better: Vector, worse: Vector, seed: int
) -> tuple[float, tuple[float, float]]:
    """How much lower the MSE of ``better`` is than that of ``worse``, in points squared.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        better: ``(n,)`` predictions.
        worse: ``(n,)`` predictions of another model.
        seed: of the bootstrap.

    Returns:
        The gain and its 95 % bootstrap interval, paired over songs.
    """
    gains = (truth - worse) ** 2 - (truth - better) ** 2
    return float(gains.mean()), mean_interval(gains, seed)


def _spearman(truth: Vector, prediction: Vector) -> float:
    if np.ptp(prediction) == 0 or np.ptp(truth) == 0:
        return 0.0
    return float(stats.spearmanr(truth, prediction).statistic)
