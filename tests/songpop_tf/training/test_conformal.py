"""Prediction intervals have the coverage that they claim."""

import numpy as np

from songpop_tf.training.conformal import half_width, interval


def test_new_songs_are_covered_at_the_nominal_rate() -> None:
    random = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        error = random.exponential(8.0, 300)
        width = half_width(np.zeros(100), error[:100], share=0.9)
        shares.append((error[100:] <= width).mean())
    assert 0.89 < np.mean(shares) < 0.92


def test_rank_is_exact_and_too_few_songs_give_the_whole_scale() -> None:
    errors = np.arange(1.0, 20.0)
    assert half_width(errors, np.zeros(19), share=0.9) == 18
    assert half_width(errors[:5], np.zeros(5), share=0.9) == 100


def test_intervals_stay_within_0_and_100() -> None:
    low, high = interval(np.array([5.0, 50.0, 95.0]), 20.0)
    assert low.tolist() == [0, 30, 75]
    assert high.tolist() == [25, 70, 100]
