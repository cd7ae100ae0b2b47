"""How the served models store their weights."""

import keras
import numpy as np
import tensorflow as tf

from songpop_tf.models.quantization import MIN_SIZE, round_large_weights
from songpop_tf.serving.branch_model import SharedWeights


def variable(shape: tuple[int, ...], seed: int) -> keras.Variable:
    return keras.Variable(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def test_equal_weights_are_stored_once() -> None:
    weights = SharedWeights()
    stored = [weights.add(variable((3, 4), seed)) for seed in (0, 0, 1)]
    assert stored[0] is stored[1]
    assert stored[0] is not stored[2]
    reshaped = keras.Variable(tf.reshape(stored[0].read(), [4, 3]))
    assert weights.add(reshaped) is not stored[0]


def test_rounded_weights_are_stored_in_8_bits() -> None:
    model = keras.Sequential([keras.Input((MIN_SIZE // 10,)), keras.layers.Dense(10)])
    weights = SharedWeights()
    kernel, bias = model.weights
    assert {weights.add(weight).variables[0].dtype for weight in (kernel, bias)} == {tf.float32}
    round_large_weights(model)
    stored = weights.add(kernel)
    assert stored.variables[0].dtype == tf.int8
    np.testing.assert_allclose(stored.read(), kernel, rtol=1e-6)
    assert weights.add(bias).variables[0].dtype == tf.float32
