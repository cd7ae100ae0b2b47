"""Calibrated intervals have the coverage that they claim."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST
from pipelines.prepared_data import PreparedData
from songpop_tf.training import calibration
from songpop_tf.training.calibration import (
    MIN_SONGS,
    CalibrationSongs,
    calibrate_group,
    calibrate_pattern,
    calibrate_run,
)
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import WHOLE_SCALE, Covariates, PredictionIntervals
from songpop_tf.training.run import Run

TEXT, CNN = (Configuration(branch, pretrained=True) for branch in ("text", "cnn"))


def random_songs(random: np.random.Generator, count: int) -> CalibrationSongs:
    """Errors grow with the year; predictions without history are twice as far off."""
    year = random.integers(1960, 2020, count)
    popularity = random.uniform(30, 70, count)
    error = random.normal(0, 3 + (year - 1960) / 6)
    has_history = random.random(count) < 0.8
    truth = popularity + error
    return CalibrationSongs(truth, popularity, truth - 2 * error, year, has_history)


def test_new_songs_are_covered_in_every_decade() -> None:
    random = np.random.default_rng(0)
    groups = calibrate_pattern(random_songs(random, 3000))
    new = random_songs(random, 20_000)
    predicted = np.where(new.has_history, new.popularity, new.without_history)
    covariates = Covariates(np.full(20_000, 7), new.year, new.has_history)
    half_width = PredictionIntervals(groups * 8).half_width(predicted, covariates).numpy()
    is_covered = np.abs(new.truth - predicted) <= half_width
    for decade in range(1960, 2020, 10):
        for has_history in (False, True):
            rows = (new.year // 10 * 10 == decade) & (new.has_history == has_history)
            assert 0.86 < is_covered[rows].mean() < 0.94
    assert half_width[new.year > 2015].mean() > 2 * half_width[new.year < 1965].mean()


def test_small_samples_are_covered_at_the_nominal_rate() -> None:
    random = np.random.default_rng(0)
    year = np.zeros(130, "int32")
    shares = []
    for _ in range(200):
        error = random.exponential(8.0, 130)
        group = calibrate_group(error[:30], np.zeros(30), year[:30], share=0.9)
        shares.append((error[30:] <= group.quantile * group.mean_error).mean())
    assert 0.89 < np.mean(shares) < 0.92


def test_rank_is_exact_and_too_few_songs_give_the_whole_scale() -> None:
    errors, year = np.arange(1.0, 20.0), np.full(19, 1980)
    group = calibrate_group(errors, np.zeros(19), year, share=0.9)
    assert group.quantile * group.mean_error == pytest.approx(18)
    assert not group.weights.any(), f"fewer than {MIN_SONGS} songs"
    assert calibrate_group(errors[:5], np.zeros(5), year[:5], share=0.9) is WHOLE_SCALE


def test_model_without_errors_has_narrow_intervals() -> None:
    group = calibrate_group(np.full(60, 50.0), np.full(60, 50.0), np.full(60, 1980))
    assert group.quantile == 0


def test_without_known_artists_both_groups_are_those_of_unknown_ones() -> None:
    songs = random_songs(np.random.default_rng(0), 200)
    unknown = replace(songs, has_history=np.zeros(200, bool))
    without, with_history = calibrate_pattern(unknown)
    assert with_history is without
    assert without.mean_error == pytest.approx(np.abs(songs.truth - songs.without_history).mean())


@pytest.mark.parametrize("configuration", [TEXT, CNN])
def test_run_is_calibrated_on_its_validation_songs(
    configuration: Configuration, run: Run, data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated: list[CalibrationSongs] = []

    def record(songs: CalibrationSongs) -> tuple:
        calibrated.append(songs)
        return WHOLE_SCALE, WHOLE_SCALE

    monkeypatch.setattr(calibration, "calibrate_pattern", record)
    intervals = calibrate_run(configuration, run.load_model(configuration), run, data)
    assert len(intervals.groups) == 2 * len(MISSINGNESS_PATTERNS)
    validation = data.songs_of("validation")
    for pattern, songs in zip(MISSINGNESS_PATTERNS, calibrated, strict=True):
        reads_year = configuration == TEXT and "year" in pattern
        np.testing.assert_array_equal(songs.truth, validation.popularity)
        np.testing.assert_array_equal(songs.year, validation.year if reads_year else 0)
        assert not songs.has_history.any() or pattern in PATTERNS_WITH_ARTIST
        change = np.abs(songs.popularity - songs.without_history)
        assert (change[songs.has_history] > 1e-3).all()
    assert calibrated[-1].has_history.any() == (configuration == TEXT)
