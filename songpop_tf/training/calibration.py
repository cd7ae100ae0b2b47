"""Calibration of the prediction intervals on the validation songs."""

import math
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from pipelines.metadata.known_fields import PATTERNS_WITH_ARTIST
from pipelines.prepared_data import PreparedData
from pipelines.splits import VALIDATION
from songpop_tf.array_types import Vector
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import (
    COVERAGE,
    N_FEATURES,
    WHOLE_SCALE,
    Covariates,
    GroupCalibration,
    PredictionIntervals,
    error_features,
    expected_error,
)
from songpop_tf.training.inference import (
    predict_patterns,
    predict_with_and_without_history,
    run_covariates,
)
from songpop_tf.training.run import Run

FOLDS = 5
"""Folds of the cross-fitted scores."""
RIDGE_PENALTY = 30.0
"""Of the squared weights of the expected error."""
MIN_SONGS = 50
"""With fewer songs, the expected error is the same for all songs of a group."""

_MIN_MEAN_ERROR = 0.01  # points; the scores are divided by the expected error
_Matrix = npt.NDArray[np.floating]


@dataclass(frozen=True)
class CalibrationSongs:
    """Songs that a model was not fitted to, and its predictions for one missingness pattern.

    Attributes:
        truth: ``(n,)`` popularity, 0-100.
        popularity: ``(n,)`` predictions.
        without_history: ``(n,)`` predictions with the artists' history masked.
        year: ``(n,)`` integers as the model reads them, 0 = unknown.
        has_history: ``(n,)`` bool, whether the model is shown other songs of the main artist.
    """

    truth: Vector
    popularity: Vector
    without_history: Vector
    year: npt.NDArray[np.integer]
    has_history: npt.NDArray[np.bool_]


def calibrate_run(
    configuration: Configuration, model: keras.Model, run: Run, data: PreparedData
) -> PredictionIntervals:
    """Calibrate the intervals of a model on the validation songs, which only chose the best epoch.

    Args:
        configuration: of ``model``.
        model: a trained model.
        run: holds the preprocessor of a model that reads metadata.
        data: holds the songs.
    """
    songs = data.songs_of(VALIDATION)
    if configuration.reads_metadata:
        popularity, without_history = predict_with_and_without_history(
            configuration, model, run, data, VALIDATION
        )
    else:
        popularity = predict_patterns(configuration, model, run, data, VALIDATION)
        without_history = popularity[-len(PATTERNS_WITH_ARTIST) :]
    covariates = run_covariates(configuration, run, songs)
    return calibrate(songs.popularity.to_numpy("float64"), popularity, without_history, covariates)


def calibrate(
    truth: Vector, popularity: _Matrix, without_history: _Matrix, covariates: Covariates
) -> PredictionIntervals:
    """Calibrate the intervals of a model on songs that it was not fitted to.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        popularity: ``(8, n)`` predictions, in the order of ``MISSINGNESS_PATTERNS``.
        without_history: ``(4, n)`` predictions with the artists' history masked, in the order of
            ``PATTERNS_WITH_ARTIST``.
        covariates: of `read_covariates`, each ``(8, n)``.
    """
    # The patterns with an artist are the last ones; without one, there is no history to mask.
    masked = np.concatenate([popularity[: -len(without_history)], without_history])
    rows = zip(popularity, masked, covariates.year, covariates.has_history, strict=True)
    by_pattern = [calibrate_pattern(CalibrationSongs(truth, *row)) for row in rows]
    return PredictionIntervals(tuple(group for groups in by_pattern for group in groups))


def calibrate_pattern(songs: CalibrationSongs) -> tuple[GroupCalibration, GroupCalibration]:
    """Calibrate the groups of a missingness pattern: songs without, and with a history.

    Validation songs drawn at random have few unknown artists: the group without history is
    calibrated on all songs, with their histories masked. Where too few songs have a history, for
    example if all validation songs are of unknown artists, its calibration serves both groups.
    """
    without = calibrate_group(songs.truth, songs.without_history, songs.year)
    known = songs.has_history
    if _rank(int(known.sum()), COVERAGE) > known.sum():
        return without, without
    return without, calibrate_group(songs.truth[known], songs.popularity[known], songs.year[known])


def calibrate_group(
    truth: Vector,
    popularity: Vector,
    year: npt.NDArray[np.integer],
    share: float = COVERAGE,
) -> GroupCalibration:
    """Calibrate one group of songs.

    The quantile is the ``ceil((n + 1) * share)``-th smallest of ``n`` scores: absolute errors
    divided by the expected errors. These come from a ridge regression on the other folds, since the
    regression predicts the songs that it is fitted to too well. If ``n`` is too small for that
    rank, the half width is 100 points, the whole scale. If all songs have the same expected error,
    new songs from the same distribution are covered with a probability of at least ``share``;
    cross-fitting makes that approximate.

    Args:
        truth: ``(n,)`` popularity, 0-100.
        popularity: ``(n,)`` predictions.
        year: ``(n,)`` integers, 0 = unknown.
        share: target coverage, between 0 and 1.
    """
    errors: Vector = np.abs(truth - popularity)
    rank = _rank(len(errors), share)
    if rank > len(errors):
        return WHOLE_SCALE
    if len(errors) < MIN_SONGS:
        mean_error = _mean_error(errors)
        quantile = np.sort(errors)[rank - 1] / mean_error
        return GroupCalibration(float(quantile), mean_error, np.zeros(N_FEATURES))
    features = error_features(popularity, year).numpy().astype("float64")
    scores = _cross_fitted_scores(features, errors)
    return GroupCalibration(
        float(np.sort(scores)[rank - 1]), *_fit_expected_error(features, errors)
    )


def _rank(count: int, share: float) -> int:
    return math.ceil((count + 1) * share)


def _mean_error(errors: Vector) -> float:
    return max(float(errors.mean()), _MIN_MEAN_ERROR)


def _fit_expected_error(features: _Matrix, errors: Vector) -> tuple[float, Vector]:
    """Mean error and weights of the features."""
    mean_error = _mean_error(errors)
    penalty = RIDGE_PENALTY * np.eye(N_FEATURES)
    gram_matrix = features.T @ features + penalty
    return mean_error, np.linalg.solve(gram_matrix, features.T @ (errors - mean_error))


def _cross_fitted_scores(features: _Matrix, errors: Vector) -> Vector:
    """Errors divided by those that the songs of the other folds let expect, ``(n,)``."""
    fold = np.arange(len(errors)) % FOLDS
    scores = np.empty(len(errors))
    for number in range(FOLDS):
        scored = fold == number
        fitted = _fit_expected_error(features[~scored], errors[~scored])
        scores[scored] = errors[scored] / expected_error(features[scored], *fitted).numpy()
    return scores
