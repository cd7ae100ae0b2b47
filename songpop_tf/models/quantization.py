"""Weights with 8 bits for each number, for the frozen part of a pre-trained model.

Nobody trains such weights, and they are most of an exported model's size. They are rounded when the
model is built, so that a run and its export, which stores them as integers, predict the same.
"""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

MIN_SIZE = 100_000
"""Numbers in a weight from which on it is rounded: smaller ones take no space."""

_MAX_LEVEL = 127
_ROUNDING = 1e-6
"""Relative error of the product of a level and its scale in float32."""


@dataclass(frozen=True)
class QuantizedWeight:
    """A weight as integers.

    Attributes:
        levels: int8, of the weight's shape, -127 to 127.
        scales: float32, of the last axis; the weight is their product with the levels.
    """

    levels: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    def dequantize(self) -> npt.NDArray[np.float32]:
        """Return the weight, float32."""
        return self.levels.astype(np.float32) * self.scales


def quantize(weight: npt.NDArray[np.float32]) -> QuantizedWeight:
    """Round a weight to 8 bits, symmetrically, with a scale for each column of its last axis."""
    largest = np.abs(weight).max(axis=tuple(range(weight.ndim - 1)))
    scales = (np.where(largest > 0, largest, 1) / _MAX_LEVEL).astype(np.float32)
    return QuantizedWeight(np.rint(weight / scales).astype(np.int8), scales)


def quantized_exactly(weight: npt.NDArray[np.generic]) -> QuantizedWeight | None:
    """Return the integers of a weight that `round_large_weights` has rounded, else None."""
    if weight.dtype != np.float32 or weight.ndim < 2 or weight.size < MIN_SIZE:
        return None
    quantized = quantize(weight.astype(np.float32))
    is_exact = np.allclose(quantized.dequantize(), weight, rtol=_ROUNDING, atol=0)
    return quantized if is_exact else None


def round_large_weights(model: keras.Model) -> None:
    """Round the large float32 matrices of a model to 8 bits, in place."""
    for weight in model.weights:
        if (
            weight.dtype == "float32"
            and len(weight.shape) > 1
            and np.prod(weight.shape) >= MIN_SIZE
        ):
            weight.assign(quantize(weight.numpy()).dequantize())
