"""Statistics of spectrograms with known answers."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectrograms.statistics import (
    BANDS,
    STATISTICS,
    WINDOW_COLUMNS,
    spectrogram_statistics,
)
from tests.pipelines.images import pixels

MEAN = slice(0, BANDS)
DEVIATION = slice(BANDS, 2 * BANDS)
ONSETS = slice(2 * BANDS, 3 * BANDS)
CONTRAST = slice(3 * BANDS, 4 * BANDS - 1)
MODULATION = slice(4 * BANDS - 1, 4 * BANDS - 1 + 16 * 8)
CHROMA = slice(MODULATION.stop + 40, MODULATION.stop + 52)
TEMPO = -1


def statistics(image: np.ndarray) -> np.ndarray:
    return spectrogram_statistics(tf.constant(image, tf.uint8)).numpy()


def beats(beats_per_minute: float, columns: int = 4 * WINDOW_COLUMNS) -> np.ndarray:
    """Short notes in all rows at regular times."""
    seconds = np.arange(columns) / 200
    phase = seconds * beats_per_minute / 60 % 1
    return np.tile(np.where(phase * 60 / beats_per_minute < 0.05, 200, 0), (256, 1))


@pytest.mark.parametrize("beats_per_minute", [75, 100, 128, 170])
def test_tempo_of_regular_beats(beats_per_minute: float) -> None:
    octaves = np.log2(statistics(beats(beats_per_minute))[TEMPO] / beats_per_minute)
    assert abs(octaves - np.rint(octaves)) < np.log2(1.02)


def test_level_of_each_band_from_the_lowest_up() -> None:
    image = np.zeros((256, 3000), np.uint8)
    image[-4:] = 255  # the lowest band
    image[:4] = 100  # the highest
    result = statistics(image)
    expected = np.zeros(BANDS)
    expected[0], expected[-1] = 1.0, np.log1p(100) / np.log1p(255)
    np.testing.assert_allclose(result[MEAN], expected, atol=1e-5)
    np.testing.assert_allclose(result[DEVIATION], 0, atol=1e-3)
    np.testing.assert_allclose(result[ONSETS], 0, atol=1e-6)
    np.testing.assert_allclose(result[CONTRAST], np.abs(np.diff(expected)), atol=1e-5)


def test_modulation_is_strongest_in_its_octave() -> None:
    seconds = np.arange(WINDOW_COLUMNS) / 200
    image = np.tile(np.rint(100 + 90 * np.sin(2 * np.pi * 5.5 * seconds)), (256, 1))
    by_band = statistics(image)[MODULATION].reshape(16, 8)
    assert (by_band.argmax(axis=1) == 4).all()  # 4 to 8 Hz


def test_chroma_does_not_depend_on_the_key() -> None:
    chord = np.zeros((256, WINDOW_COLUMNS), np.uint8)
    row = 256 - np.rint(255 * np.log(np.array([220, 277.2, 329.6]) / 30) / np.log(400)).astype(int)
    chord[row[0] - 1] = 200
    chord[row[1:] - 1] = 100
    transposed = np.roll(chord, -5, axis=0)  # two semitones, of 2.46 rows each
    result = statistics(chord)[CHROMA]
    np.testing.assert_allclose(statistics(transposed)[CHROMA], result, atol=1e-6)
    np.testing.assert_allclose(result[[0, 4, 7]], [0.5, 0.25, 0.25], atol=1e-6)


def test_short_songs_are_repeated_and_long_ones_are_read_in_windows() -> None:
    short = pixels(256, 800)
    np.testing.assert_allclose(
        statistics(short), statistics(np.tile(short, (1, 3))), rtol=1e-4, atol=1e-4
    )
    song = np.zeros((256, 20 * WINDOW_COLUMNS), np.uint8)
    song[:, -WINDOW_COLUMNS:] = 255
    np.testing.assert_allclose(statistics(song)[MEAN], 0.25, atol=1e-5)


def test_other_heights_are_resampled() -> None:
    gradient = np.sin(np.linspace(0, 3, 128)) * 200
    image = np.tile(gradient[:, np.newaxis], (1, 3000))
    twice_as_high = np.repeat(image, 2, axis=0)
    # Resampling is smoother than repeating the rows, except at the ends.
    np.testing.assert_allclose(
        statistics(image)[MEAN][2:-2], statistics(twice_as_high)[MEAN][2:-2], atol=0.02
    )


@pytest.mark.parametrize("level", [0, 255])
def test_constant_images_have_finite_statistics(level: int) -> None:
    result = statistics(np.full((256, 500), level))
    assert result.shape == (STATISTICS,)
    assert np.isfinite(result).all()


def test_same_result_inside_a_dataset() -> None:
    images = np.stack([pixels(256, 2500, seed=seed) for seed in range(3)])
    dataset = tf.data.Dataset.from_tensor_slices(images).map(spectrogram_statistics)
    for image, result in zip(images, dataset, strict=True):
        np.testing.assert_allclose(result, statistics(image), rtol=1e-3, atol=1e-4)
