"""The FFT resize against SciPy."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from pipelines.resample import fft_resample

FULL_SCALE = 255.0


def sparse_rows(rows: int, width: int) -> np.ndarray:
    """Mostly dark rows with bright points, as in the data set."""
    return (np.random.default_rng(width).random((rows, width)) ** 8 * FULL_SCALE).astype("uint8")


@pytest.mark.parametrize(
    "width",
    [32, 33, 512, 1023, 1024, 1025, 2047, 2048, 2049, 2053, 3000, 4099, 30_000, 36_007, 120_001],
)
def test_equals_scipy_for_every_kind_of_width(width: int) -> None:
    signal = sparse_rows(3, width)
    expected = scipy.signal.resample(signal.astype("float64"), 1024, axis=1)
    assert np.abs(fft_resample(signal, 1024) - expected).max() < 1e-4 * FULL_SCALE


@pytest.mark.parametrize(("rows", "width"), [(9, 120_001), (3, 600_001)])
def test_equals_scipy_where_rows_are_taken_a_few_at_a_time(rows: int, width: int) -> None:
    signal = sparse_rows(rows, width)
    expected = scipy.signal.resample(signal.astype("float64"), 1024, axis=1)
    assert np.abs(fft_resample(signal, 1024) - expected).max() < 1e-4 * FULL_SCALE


@pytest.mark.parametrize("rows", [32, 100, 255, 256, 257, 512, 513, 1009, 4096])
def test_equals_scipy_for_every_height(rows: int) -> None:
    signal = sparse_rows(5, rows)
    expected = scipy.signal.resample(signal.astype("float64"), 256, axis=1)
    assert np.abs(fft_resample(signal, 256) - expected).max() < 1e-4 * FULL_SCALE


def test_same_inside_a_dataset_of_many_widths() -> None:
    signals = [sparse_rows(2, width) for width in (100, 5003, 2048)]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(signals), output_signature=tf.TensorSpec([None, None], tf.uint8)
    ).map(lambda signal: fft_resample(signal, 64))
    for signal, resampled in zip(signals, dataset, strict=True):
        np.testing.assert_allclose(resampled, fft_resample(signal, 64), atol=1e-3)


def test_constant_signal_stays_constant() -> None:
    np.testing.assert_allclose(fft_resample(np.full((1, 5000), 7.0), 128), 7.0, atol=1e-4)


@pytest.mark.parametrize("length", [0, -2, 7])
def test_refuses_a_length_that_is_not_even_and_positive(length: int) -> None:
    with pytest.raises(ValueError, match=f"received {length}"):
        fft_resample(np.zeros((1, 100)), length)
