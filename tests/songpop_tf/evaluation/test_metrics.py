"""Metrics against hand-computed values and SciPy."""

import numpy as np
import pytest
from scipy import stats

from songpop_tf.evaluation.metrics import mean_interval, metrics, mse_gain

TRUTH = np.array([10.0, 20.0, 30.0, 40.0])


def test_metrics_of_known_errors() -> None:
    measured = metrics(TRUTH, np.array([10.0, 25.0, 30.0, 60.0]), seed=0)
    assert measured["n"] == 4
    assert measured["mse"] == pytest.approx(425 / 4)
    assert measured["rmse"] == pytest.approx(np.sqrt(425 / 4))
    assert measured["mae"] == pytest.approx(25 / 4)
    assert measured["r2"] == pytest.approx(1 - 425 / 500)
    assert measured["spearman"] == pytest.approx(1)
    assert measured["within_15"] == 0.75


def test_constant_prediction_of_the_mean_has_zero_r2_and_rank_correlation() -> None:
    measured = metrics(TRUTH, np.full(4, TRUTH.mean()), seed=0)
    assert measured["r2"] == pytest.approx(0)
    assert measured["spearman"] == 0


def test_an_error_of_fifteen_points_counts_as_within_15() -> None:
    assert metrics(TRUTH, TRUTH + 15, seed=0)["within_15"] == 1


def test_interval_of_many_songs_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(0).exponential(100, 4000)
    low, high = mean_interval(values, seed=0)
    half_width = stats.norm.ppf(0.975) * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half_width, abs=0.4)
    assert high == pytest.approx(values.mean() + half_width, abs=0.4)
    assert mean_interval(values, seed=0) == (low, high)


def test_mse_gain_of_the_better_model_is_positive() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, 500)
    better, worse = truth + rng.normal(0, 5, 500), truth + rng.normal(0, 10, 500)
    gain, (low, high) = mse_gain(truth, better, worse, seed=0)
    assert low < gain < high
    assert low > 0


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [(TRUTH, TRUTH[:3]), (TRUTH[:1], TRUTH[:1]), (TRUTH[None], TRUTH[None])],
)
def test_vectors_of_wrong_shape_are_refused(truth: np.ndarray, prediction: np.ndarray) -> None:
    with pytest.raises(ValueError, match="received shapes"):
        metrics(truth, prediction, seed=0)
