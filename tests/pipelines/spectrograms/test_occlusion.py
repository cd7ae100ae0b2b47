"""Covered patches: the inputs are those of an image that has the mean of the row there."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectrograms.loading import cnn_inputs
from pipelines.spectrograms.occlusion import occluded_inputs
from pipelines.spectrograms.resampling import fft_resample, fft_resample_piece
from tests.pipelines.images import cover, pixels


@pytest.mark.parametrize(("rows", "columns"), [(256, 700), (256, 12_007), (256, 5000), (200, 3001)])
def test_inputs_are_those_of_a_covered_file(rows: int, columns: int) -> None:
    image = pixels(rows, columns)
    middle = columns // 2
    patches = [
        (middle, middle + 90, 0, rows - 1),
        (0, columns - 1, 16, 31),
        (columns - 50, columns + 50, rows - 20, rows + 20),
    ]
    received = occluded_inputs(tf.constant(image), tf.constant(patches, tf.int64))
    for index, (first, last, top, bottom) in enumerate(patches):
        expected = cnn_inputs(tf.constant(cover(image, first, last, top, bottom)))
        difference = np.abs(
            received["spectrogram"][index].numpy().astype(int)
            - expected["spectrogram"].numpy().astype(int)
        )
        assert difference.max() <= 1, "rounding to 8 bits may differ by a level"
        assert difference.mean() < 0.01
        np.testing.assert_allclose(
            received["statistics"][index], expected["statistics"], rtol=1e-4, atol=1e-4
        )
        assert received["columns"][index] == columns


def test_empty_patches_cover_nothing() -> None:
    image = tf.constant(pixels(256, 3000))
    received = occluded_inputs(image, tf.constant([(0, -1, 0, -1), (5, 9, 7, 6)], tf.int64))
    for name, expected in cnn_inputs(image).items():
        for index in range(2):
            np.testing.assert_array_equal(received[name][index], expected)


def test_whole_image_is_black() -> None:
    image = pixels(256, 5000)
    patches = [(0, 4999, 0, 255), (-(2**40), 2**40, -(2**40), 2**63 - 1)]
    received = occluded_inputs(tf.constant(image), tf.constant(patches, tf.int64))
    expected = cnn_inputs(tf.zeros_like(image))
    for index in range(2):
        assert not received["spectrogram"][index].numpy().any()
        np.testing.assert_allclose(received["statistics"][index], expected["statistics"], atol=1e-4)


@pytest.mark.parametrize("columns", [900, 5000, 20_011])
def test_piece_is_resampled_as_the_signal_that_is_zero_elsewhere(columns: int) -> None:
    piece = pixels(16, 333)
    first = columns - 400
    whole = np.pad(piece, [(0, 0), (first, columns - first - 333)])
    received = fft_resample_piece(tf.constant(piece), tf.constant(first), tf.constant(columns), 256)
    np.testing.assert_allclose(received, fft_resample(tf.constant(whole), 256), atol=0.01)
