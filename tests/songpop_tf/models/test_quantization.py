"""Rounding of frozen weights to 8 bits."""

import keras
import numpy as np
import pytest

from songpop_tf.models.quantization import (
    MIN_SIZE,
    quantize,
    quantized_exactly,
    round_large_weights,
)

Shape = tuple[int, ...]


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 3)])
def test_error_is_at_most_half_a_level_of_the_column(shape: Shape) -> None:
    original = weight(*shape)
    original[..., 1] *= 100
    quantized = quantize(original)
    assert quantized.levels.dtype == np.int8
    assert quantized.scales.shape == shape[-1:]
    error = np.abs(quantized.dequantize() - original)
    assert np.all(error <= 0.501 * quantized.scales)


def test_column_of_zeros_stays_zero() -> None:
    original = weight(5, 3)
    original[:, 1] = 0
    np.testing.assert_array_equal(quantize(original).dequantize()[:, 1], 0)


def test_only_rounded_weights_are_found_to_have_8_bits() -> None:
    large = weight(MIN_SIZE // 100, 100)
    rounded = quantize(large).dequantize()
    assert quantized_exactly(large) is None
    assert quantized_exactly(rounded[:9]) is None
    assert quantized_exactly(rounded.astype("float16")) is None
    found = quantized_exactly(rounded)
    assert found is not None
    np.testing.assert_array_equal(found.levels, quantize(large).levels)


def test_only_large_matrices_of_a_model_are_rounded() -> None:
    model = keras.Sequential([keras.Input((MIN_SIZE // 10,)), *map(keras.layers.Dense, (10, 3))])
    before = [weight.numpy() for weight in model.weights]
    round_large_weights(model)
    changed = [
        not np.array_equal(old, new.numpy()) for old, new in zip(before, model.weights, strict=True)
    ]
    assert changed == [True, False, False, False]
