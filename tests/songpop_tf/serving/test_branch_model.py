"""How the served models store their weights."""

import keras
import numpy as np
import tensorflow as tf

from songpop_tf.serving.branch_model import MIN_HALF_PRECISION, SharedWeights


def variable(shape: tuple[int, ...], seed: int) -> keras.Variable:
    return keras.Variable(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def test_equal_weights_are_stored_once() -> None:
    weights = SharedWeights()
    stored = [weights.add(variable((3, 4), seed), is_frozen=False) for seed in (0, 0, 1)]
    assert stored[0] is stored[1]
    assert stored[0] is not stored[2]
    reshaped = keras.Variable(tf.reshape(stored[0], [4, 3]))
    assert weights.add(reshaped, is_frozen=False) is not stored[0]


def test_only_large_frozen_weights_are_stored_in_half_precision() -> None:
    weights = SharedWeights()
    large = variable((MIN_HALF_PRECISION,), 0)
    half = weights.add(large, is_frozen=True)
    assert half.dtype == tf.float16
    np.testing.assert_allclose(tf.cast(half, tf.float32), large, rtol=1e-3, atol=1e-4)
    assert weights.add(large, is_frozen=False).dtype == tf.float32
    assert weights.add(variable((9,), 0), is_frozen=True).dtype == tf.float32
