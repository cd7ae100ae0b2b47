"""Half widths and ends of prediction intervals."""

import json

import numpy as np
import pytest
import tensorflow as tf

from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from songpop_tf.training.conformal import (
    N_FEATURES,
    POPULARITIES,
    YEARS,
    Covariates,
    GroupCalibration,
    PredictionIntervals,
    error_features,
    interval,
)
from tests.conftest import some_intervals

SONGS = 40
RANDOM = np.random.default_rng(1)
POPULARITY = RANDOM.uniform(0, 100, SONGS)
COVARIATES = Covariates(
    pattern=np.arange(SONGS) % len(MISSINGNESS_PATTERNS),
    year=RANDOM.choice([0, 1949, 1967, 1980, 2024], SONGS).astype("int32"),
    has_history=RANDOM.random(SONGS) < 0.5,
)


def test_features_interpolate_between_the_knots() -> None:
    features = error_features(np.array([50.0, 120.0, 0.0]), np.array([1968, 1930, 0])).numpy()
    assert features.shape == (3, N_FEATURES)
    np.testing.assert_allclose(features @ [*YEARS, *[0] * len(POPULARITIES)], [1968, 1960, 0])
    np.testing.assert_allclose(features @ [*[0] * len(YEARS), *POPULARITIES], [50, 100, 0])
    np.testing.assert_allclose(features.sum(axis=1), [2, 2, 1], rtol=1e-6)


def test_half_width_is_that_of_the_group_year_and_popularity() -> None:
    at_1980, at_60 = YEARS.index(1980), len(YEARS) + POPULARITIES.index(60)
    weights = np.zeros(N_FEATURES)
    weights[[at_1980, at_60]] = 3.0, -1.0
    groups = [GroupCalibration(2.0, 10.0, np.zeros(N_FEATURES))] * 16
    groups[2 * MISSINGNESS_PATTERNS.index(FIELDS) + 1] = GroupCalibration(1.5, 10.0, weights)
    covariates = Covariates(np.full(4, 7), np.array([1980, 1985, 0, 1980]), np.arange(4) < 3)
    half_width = PredictionIntervals(tuple(groups)).half_width(np.full(4, 60.0), covariates)
    np.testing.assert_allclose(half_width, [18.0, 15.75, 13.5, 20.0])


def test_expected_error_is_at_least_a_quarter_of_the_mean() -> None:
    group = GroupCalibration(2.0, 10.0, np.full(N_FEATURES, -20.0))
    half_width = PredictionIntervals((group,) * 16).half_width(POPULARITY, COVARIATES)
    np.testing.assert_allclose(half_width, 5.0)


def test_graph_gives_the_same_half_widths() -> None:
    intervals = some_intervals()

    @tf.function
    def in_graph(popularity: tf.Tensor, *covariates: tf.Tensor) -> tf.Tensor:
        return intervals.half_width(popularity, Covariates(*covariates))

    columns = (COVARIATES.pattern, COVARIATES.year, COVARIATES.has_history)
    received = in_graph(tf.constant(POPULARITY, tf.float32), *map(tf.constant, columns))
    expected = intervals.half_width(POPULARITY, COVARIATES)
    np.testing.assert_allclose(received, expected, rtol=1e-5)
    assert len(np.unique(expected)) == SONGS


def test_covariates_come_from_the_inputs_of_the_model() -> None:
    history = np.zeros((3, 32, 5), "float32")
    history[1:, 3, 0] = 1.0
    history[2, 3, 4] = 1.0  # of the main artist, not of a guest
    inputs = {"history": tf.constant(history), "year": tf.constant([0, 1980, 1990])}
    covariates = Covariates.from_inputs(inputs, tf.constant([6, 7, 7]))
    assert covariates.year.numpy().tolist() == [0, 1980, 1990]
    assert covariates.has_history.numpy().tolist() == [False, False, True]
    without_metadata = Covariates.from_inputs({}, tf.constant([6, 7]))
    assert without_metadata.pattern.numpy().tolist() == [6, 7]
    assert without_metadata.year.numpy().tolist() == [0, 0]
    assert not without_metadata.has_history.numpy().any()


def test_stored_intervals_are_readable_and_complete() -> None:
    stored = json.loads(json.dumps(some_intervals().to_json()))
    group = stored["groups"]["artist, year"]["artist known"]
    assert group["year"].keys() == set(map(str, YEARS))
    restored = PredictionIntervals.from_json(stored)
    expected = some_intervals().half_width(POPULARITY, COVARIATES)
    np.testing.assert_array_equal(restored.half_width(POPULARITY, COVARIATES), expected)


def test_ends_have_the_shape_of_the_predictions() -> None:
    grid = Covariates(
        *(column.reshape(8, -1) for column in vars(COVARIATES).values())  # patterns x songs
    )
    low, high = some_intervals().ends(POPULARITY.reshape(8, -1), grid)
    half_width = some_intervals().half_width(POPULARITY, COVARIATES).numpy()
    np.testing.assert_allclose(low.ravel(), np.clip(POPULARITY - half_width, 0, 100), rtol=1e-5)
    np.testing.assert_allclose(high.ravel(), np.clip(POPULARITY + half_width, 0, 100), rtol=1e-5)


def test_intervals_stay_within_0_and_100() -> None:
    low, high = interval(np.array([5.0, 50.0, 95.0]), 20.0)
    assert low.tolist() == [0, 30, 75]
    assert high.tolist() == pytest.approx([25, 70, 100])
