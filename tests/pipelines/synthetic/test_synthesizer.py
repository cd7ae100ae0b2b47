"""Properties of a synthetic song that depend on its audio attributes."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.audio.grayscale import to_grayscale
from pipelines.audio.synchrosqueezing import ROW_HERTZ, SynchrosqueezedTransform
from pipelines.synthetic import AudioAttributes, synthesize

POP = AudioAttributes(
    tempo=120.0, key=0, mode=1, loudness=-7.0, energy=0.6, danceability=0.7, acousticness=0.2
)
SECONDS = 9.6


@pytest.fixture(scope="module")
def transform():
    return SynchrosqueezedTransform()


@pytest.fixture(scope="module")
def mean_amplitude(transform):
    """The mean amplitude of a few songs between two frequencies, in the loudest song's units."""

    def measure(attributes, low, high):
        rows = (low <= ROW_HERTZ) & (high >= ROW_HERTZ)
        songs = [
            transform(synthesize(attributes, SECONDS, np.random.default_rng(seed)))
            for seed in range(3)
        ]
        return float(np.mean([song[:, rows].mean() / song.mean() for song in songs]))

    return measure


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.21])
def test_length_dtype_and_range(seconds):
    audio = synthesize(POP, seconds, np.random.default_rng(0))
    assert audio.shape == (round(seconds * 24_000),)
    assert audio.dtype == np.float32
    assert 0.1 < np.abs(audio).max() <= 1.0


@pytest.mark.parametrize("tempo", [20.0, 400.0])
@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_extreme_attributes_are_valid(tempo, extreme):
    attributes = AudioAttributes(
        tempo, 11, 0, -60.0 + 70.0 * extreme, extreme, extreme, 1.0 - extreme
    )
    audio = synthesize(attributes, 2.5, np.random.default_rng(0))
    assert np.isfinite(audio).all()
    assert audio.std() > 0.01


def test_sound_is_reproducible_by_its_seed():
    one, same, other = (synthesize(POP, 2.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_spectrogram_is_mostly_dark_and_silent_at_both_ends(transform):
    audio = synthesize(POP, SECONDS, np.random.default_rng(0))
    image = to_grayscale(transform(audio))
    assert np.median(image) <= 5
    assert np.mean(image == 0) > 0.2
    assert np.abs(audio[:240]).max() == 0.0
    assert np.abs(audio[-240:]).max() < 0.02


@pytest.mark.parametrize("tempo", [90.0, 120.0, 150.0])
def test_beat_repeats_at_the_tempo(tempo, transform):
    attributes = replace(POP, tempo=tempo, danceability=0.95)
    amplitude = transform(synthesize(attributes, 30.0, np.random.default_rng(0)))
    kick = amplitude[:, ROW_HERTZ < 90.0].mean(axis=1)
    kick = kick - kick.mean()
    beat = 60.0 / tempo * 200
    # Two beats are as good a repetition as one: search lags up to one and a half beats.
    lags = np.arange(50, round(1.5 * beat))
    autocorrelation = [float((kick[:-lag] * kick[lag:]).mean()) for lag in lags]
    assert lags[int(np.argmax(autocorrelation))] == pytest.approx(beat, abs=3)


def test_energy_adds_high_frequencies(mean_amplitude):
    calm, intense = (
        mean_amplitude(replace(POP, energy=energy), 1500, 6000) for energy in (0.1, 0.9)
    )
    assert intense > 1.25 * calm


def test_acousticness_removes_the_cymbals(mean_amplitude):
    electric, acoustic = (
        mean_amplitude(replace(POP, acousticness=value), 8000, 12_000) for value in (0.05, 0.95)
    )
    assert electric > 1.5 * acoustic


def test_danceability_strengthens_the_beat(mean_amplitude):
    stiff, danceable = (
        mean_amplitude(replace(POP, danceability=value), 30, 80) for value in (0.2, 0.9)
    )
    assert danceable > 1.25 * stiff


def test_louder_master_has_less_contrast(transform):
    def contrast(decibels):
        songs = [
            synthesize(replace(POP, loudness=decibels), SECONDS, np.random.default_rng(seed))
            for seed in range(3)
        ]
        return float(np.mean([np.abs(song).max() / song.std() for song in songs]))

    assert contrast(-18.0) > 1.25 * contrast(-3.0)
