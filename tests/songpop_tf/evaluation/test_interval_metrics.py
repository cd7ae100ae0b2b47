"""Width and coverage of intervals by group."""

import numpy as np

from songpop_tf.evaluation.interval_metrics import interval_metrics, interval_metrics_by_group


def test_width_and_coverage_are_means_over_songs() -> None:
    truth, low, high = np.array([[10.0, 20, 30, 40], [10, 21, 0, 0], [20, 31, 20, 50]])
    assert interval_metrics(truth, low, high) == {"n": 4, "width": 22.5, "coverage": 0.5}


def test_groups_of_30_songs_or_more_are_reported() -> None:
    year = np.repeat([1979, 1980, 0], [30, 29, 41])
    has_history = np.arange(100) < 29
    truth, low, high = np.full(100, 50.0), np.zeros(100), np.where(year == 1979, 100.0, 40.0)
    groups = interval_metrics_by_group(truth, low, high, year, has_history)
    assert groups == {
        "unknown artists": {"n": 71, "width": (100 + 70 * 40) / 71, "coverage": 1 / 71},
        "1970s": {"n": 30, "width": 100.0, "coverage": 1.0},
    }
