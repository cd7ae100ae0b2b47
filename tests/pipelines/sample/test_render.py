"""What a drawn spectrogram must show of its traits."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.sample.canvas import ROWS, frequency_row, partial_rows, row_frequency
from pipelines.sample.render import SoundTraits, render

POP = SoundTraits(
    tempo=120.0, key=0, mode=1, loudness=-7.0, energy=0.6, danceability=0.7, acousticness=0.2
)
COLUMNS = 6000


def draw(traits: SoundTraits, columns: int = COLUMNS, seed: int = 0) -> np.ndarray:
    return render(traits, columns, np.random.default_rng(seed))


def mean_of(traits: SoundTraits, statistic) -> float:
    """The mean of a statistic over a few songs: a single one depends on its melody."""
    return float(np.mean([statistic(draw(traits, seed=seed).astype(float)) for seed in range(4)]))


@pytest.mark.parametrize("columns", [32, 200, 1003])
def test_the_image_has_the_shape_and_type_of_the_data_set(columns):
    image = draw(POP, columns)
    assert image.shape == (256, columns)
    assert image.dtype == np.uint8
    assert image.max() > 0


@pytest.mark.parametrize("tempo", [20.0, 400.0])
@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_extreme_traits_can_be_drawn(tempo, extreme):
    traits = SoundTraits(tempo, 11, 0, -60.0 + 70.0 * extreme, extreme, extreme, 1.0 - extreme)
    assert draw(traits, 500).shape == (256, 500)


def test_same_seed_same_image_and_another_seed_another():
    np.testing.assert_array_equal(draw(POP, seed=1), draw(POP, seed=1))
    assert (draw(POP, seed=1) != draw(POP, seed=2)).any()


def test_rows_are_a_log_scale_from_30_hertz_at_the_bottom_to_12_kilohertz():
    hertz = row_frequency()
    assert hertz[-1] == pytest.approx(30.0)
    assert hertz[0] == pytest.approx(12_000.0)
    np.testing.assert_allclose(frequency_row(hertz), np.arange(ROWS), atol=1e-3)
    assert partial_rows(69.0, 2).tolist() == [
        round(255 * (1 - np.log(f / 30) / np.log(400))) for f in (440, 880)
    ]


def test_low_frequencies_are_at_the_bottom():
    # Without drums and melody what is left in the lowest octaves is the bass on the tonic.
    calm = replace(POP, energy=0.1, acousticness=1.0, loudness=-20.0)
    image = draw(calm).astype(float)
    assert image[128:].sum() > 3 * image[:128].sum()


def test_the_image_is_mostly_dark_and_silent_at_both_ends():
    image = draw(POP)
    assert (image == 0).mean() > 0.5
    assert image[:, :5].max() == 0
    assert image[:, -5:].max() == 0


@pytest.mark.parametrize("tempo", [90.0, 120.0, 150.0])
def test_the_beat_repeats_at_the_tempo(tempo):
    image = draw(replace(POP, tempo=tempo, danceability=0.95), 8000)
    kick = image[frequency_row(np.float32(100.0)).astype(int) :].mean(axis=0)
    kick = kick - kick.mean()
    beat = 60.0 / tempo * 200
    # Two beats are as good a repetition as one: look no further than one and a half.
    lags = np.arange(50, round(1.5 * beat))
    likeness = [float((kick[:-lag] * kick[lag:]).mean()) for lag in lags]
    assert lags[int(np.argmax(likeness))] == pytest.approx(beat, abs=2)


def test_energy_brings_high_frequencies():
    def treble(image):
        return image[40:110].mean() / image[110:].mean()

    calm, intense = (mean_of(replace(POP, energy=energy), treble) for energy in (0.2, 0.9))
    assert intense > 1.5 * calm


def test_acousticness_takes_the_cymbals_away():
    def cymbals(image):
        return image[:25].mean() / image.mean()

    electric, acoustic = (mean_of(replace(POP, acousticness=a), cymbals) for a in (0.05, 0.9))
    assert electric > 1.5 * acoustic


def test_danceability_strengthens_the_beat():
    def beat(image):
        return image[205:].mean() / image.mean()

    stiff, danceable = (mean_of(replace(POP, danceability=d), beat) for d in (0.3, 0.9))
    assert danceable > 1.5 * stiff


def test_a_louder_master_has_less_contrast():
    def contrast(image):
        return image.std() / image.mean()

    quiet, loud = (mean_of(replace(POP, loudness=dB), contrast) for dB in (-16.0, -4.0))
    assert quiet > 1.25 * loud
