"""Properties of a synthetic spectrogram that depend on its audio attributes."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.synthetic.drawing import frequency_to_row
from pipelines.synthetic.render import render
from pipelines.synthetic.song_attributes import AudioAttributes

POP = AudioAttributes(
    tempo=120.0, key=0, mode=1, loudness=-7.0, energy=0.6, danceability=0.7, acousticness=0.2
)
COLUMNS = 6000


def draw(attributes: AudioAttributes, columns: int = COLUMNS, seed: int = 0) -> np.ndarray:
    return render(attributes, columns, np.random.default_rng(seed))


def mean_of(attributes: AudioAttributes, statistic) -> float:
    """The mean of a statistic over a few songs: a single one depends on its melody."""
    return float(
        np.mean([statistic(draw(attributes, seed=seed).astype(float)) for seed in range(4)])
    )


@pytest.mark.parametrize("columns", [32, 200, 1003])
def test_image_has_the_shape_and_dtype_of_the_data_set(columns):
    image = draw(POP, columns)
    assert image.shape == (256, columns)
    assert image.dtype == np.uint8
    assert image.max() > 0


@pytest.mark.parametrize("tempo", [20.0, 400.0])
@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_extreme_attributes_are_valid(tempo, extreme):
    attributes = AudioAttributes(
        tempo, 11, 0, -60.0 + 70.0 * extreme, extreme, extreme, 1.0 - extreme
    )
    assert draw(attributes, 500).shape == (256, 500)


def test_image_is_reproducible_by_its_seed():
    np.testing.assert_array_equal(draw(POP, seed=1), draw(POP, seed=1))
    assert (draw(POP, seed=1) != draw(POP, seed=2)).any()


def test_low_frequencies_are_at_the_bottom():
    # Without drums and melody, the lowest octaves have only the bass on the tonic.
    calm = replace(POP, energy=0.1, acousticness=1.0, loudness=-20.0)
    image = draw(calm).astype(float)
    assert image[128:].sum() > 3 * image[:128].sum()


def test_image_is_mostly_dark_and_silent_at_both_ends():
    image = draw(POP)
    assert (image == 0).mean() > 0.5
    assert image[:, :5].max() == 0
    assert image[:, -5:].max() == 0


@pytest.mark.parametrize("tempo", [90.0, 120.0, 150.0])
def test_beat_repeats_at_the_tempo(tempo):
    image = draw(replace(POP, tempo=tempo, danceability=0.95), 8000)
    kick = image[frequency_to_row(np.float32(100.0)).astype(int) :].mean(axis=0)
    kick = kick - kick.mean()
    beat = 60.0 / tempo * 200
    # Two beats are as good a repetition as one: search lags up to one and a half beats.
    lags = np.arange(50, round(1.5 * beat))
    autocorrelation = [float((kick[:-lag] * kick[lag:]).mean()) for lag in lags]
    assert lags[int(np.argmax(autocorrelation))] == pytest.approx(beat, abs=2)


def test_energy_adds_high_frequencies():
    def treble(image):
        return image[40:110].mean() / image[110:].mean()

    calm, intense = (mean_of(replace(POP, energy=energy), treble) for energy in (0.2, 0.9))
    assert intense > 1.5 * calm


def test_acousticness_removes_the_cymbals():
    def cymbals(image):
        return image[:25].mean() / image.mean()

    electric, acoustic = (mean_of(replace(POP, acousticness=a), cymbals) for a in (0.05, 0.9))
    assert electric > 1.5 * acoustic


def test_danceability_strengthens_the_beat():
    def beat(image):
        return image[205:].mean() / image.mean()

    stiff, danceable = (mean_of(replace(POP, danceability=d), beat) for d in (0.3, 0.9))
    assert danceable > 1.5 * stiff


def test_louder_master_has_less_contrast():
    def contrast(image):
        return image.std() / image.mean()

    quiet, loud = (mean_of(replace(POP, loudness=dB), contrast) for dB in (-16.0, -4.0))
    assert quiet > 1.25 * loud
