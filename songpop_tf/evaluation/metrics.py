"""How good predictions of popularity are. Everything is in points of the 0-100 scale."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from songpop_tf.scale import NEAR

Vector = npt.NDArray[np.float64]

PREDICTED = "predicted_"
"""Before the name of a configuration: its column in a table of predictions."""
RESAMPLES = 2000
CONFIDENCE = 0.95


def metrics(truth: Vector, prediction: Vector, seed: int) -> dict[str, Any]:
    """Measure predictions.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        prediction: ``(n,)``.
        seed: of the bootstrap.

    Returns:
        n, mse, rmse, mae, r2 (1 - MSE / variance of ``truth``), spearman (0 where the predictions
        are all the same), within_15 (share of predictions at most 15 points off) and mse_ci, the
        95 % percentile bootstrap interval of the MSE over songs.

    Raises:
        ValueError: the two differ in length or hold fewer than two songs.
    """
    if truth.shape != prediction.shape or truth.ndim != 1 or len(truth) < 2:
        raise ValueError(
            "expected two vectors of one length of at least 2, received shapes "
            f"{truth.shape} and {prediction.shape}"
        )
    squared = (truth - prediction) ** 2
    absolute = np.abs(truth - prediction)
    return {
        "n": len(truth),
        "mse": float(squared.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "mae": float(absolute.mean()),
        "r2": r2(truth, prediction),
        "spearman": _rank_correlation(truth, prediction),
        "within_15": float((absolute <= NEAR).mean()),
        "mse_ci": list(mean_interval(squared, seed)),
    }


def r2(truth: Vector, prediction: Vector) -> float:
    """1 - MSE / variance of ``truth``; 0 where all of ``truth`` is the same."""
    variance = float(truth.var())
    return 1.0 - float(((truth - prediction) ** 2).mean()) / variance if variance else 0.0


def mean_interval(values: Vector, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``values`` (n,)."""
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        batch=100,  # all resamples at once would take n x 2000 numbers of memory
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def mse_gain(
    truth: Vector, better: Vector, worse: Vector, seed: int
) -> tuple[float, tuple[float, float]]:
    """How many points squared of MSE ``better`` saves over ``worse``, song by song.

    Returns:
        The gain and its 95 % bootstrap interval, paired over songs.
    """
    saved = (truth - worse) ** 2 - (truth - better) ** 2
    return float(saved.mean()), mean_interval(saved, seed)


def _rank_correlation(truth: Vector, prediction: Vector) -> float:
    if np.ptp(prediction) == 0 or np.ptp(truth) == 0:
        return 0.0
    return float(stats.spearmanr(truth, prediction).statistic)
