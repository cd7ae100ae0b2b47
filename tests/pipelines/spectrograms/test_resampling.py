"""FFT resampling compared with SciPy."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.spectrograms.resampling import fft_resample

FULL_SCALE = 255.0


def sparse_rows(rows: int, width: int) -> np.ndarray:
    """Return mostly dark rows with bright points, as in the data set."""
    return (np.random.default_rng(width).random((rows, width)) ** 8 * FULL_SCALE).astype("uint8")


def assert_equals_scipy(signal: np.ndarray, length: int) -> None:
    expected = scipy.signal.resample(signal.astype("float64"), length, axis=1)
    assert np.abs(fft_resample(signal, length) - expected).max() < 1e-4 * FULL_SCALE


@pytest.mark.parametrize(
    "width",
    [32, 33, 512, 1023, 1024, 1025, 2047, 2048, 2049, 2053, 3000, 4099, 30_000, 36_007, 120_001],
)
def test_equals_scipy_for_short_long_even_odd_and_prime_widths(width: int) -> None:
    assert_equals_scipy(sparse_rows(3, width), 1024)


@pytest.mark.parametrize(("rows", "width"), [(9, 120_001), (3, 600_001)])
def test_equals_scipy_for_rows_processed_in_chunks(rows: int, width: int) -> None:
    assert_equals_scipy(sparse_rows(rows, width), 1024)


@pytest.mark.parametrize("rows", [32, 100, 255, 256, 257, 512, 513, 1009, 4096])
def test_equals_scipy_for_every_height(rows: int) -> None:
    assert_equals_scipy(sparse_rows(5, rows), 256)


def test_same_result_inside_a_dataset_of_different_widths() -> None:
    signals = [sparse_rows(2, width) for width in (100, 5003, 2048)]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(signals), output_signature=tf.TensorSpec([None, None], tf.uint8)
    ).map(lambda signal: fft_resample(signal, 64))
    for signal, resampled in zip(signals, dataset, strict=True):
        np.testing.assert_allclose(resampled, fft_resample(signal, 64), atol=1e-3)


def test_constant_signal_stays_constant() -> None:
    np.testing.assert_allclose(fft_resample(np.full((1, 5000), 7.0), 128), 7.0, atol=1e-4)


@pytest.mark.parametrize("length", [0, -2, 7])
def test_length_must_be_even_and_positive(length: int) -> None:
    with pytest.raises(ValueError, match=f"received {length}"):
        fft_resample(np.zeros((1, 100)), length)


@settings(max_examples=15)
@given(
    width=st.integers(1, 40_000),
    half_length=st.integers(1, 600),
    rows=st.integers(1, 3),
)
def test_any_width_and_length_equal_scipy(width: int, half_length: int, rows: int) -> None:
    assert_equals_scipy(sparse_rows(rows, width), 2 * half_length)
