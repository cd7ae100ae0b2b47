"""The shared output layers."""

import keras
import numpy as np
import pytest

from songpop_tf.models.popularity_output import (
    FEATURES,
    LOGIT,
    feature_extractor,
    popularity_output,
    to_logits,
)
from tests.songpop_tf.models.small_models import SONGS, call, inputs_for, small_encoder


def test_logits_are_clipped_half_a_point_within_the_scale() -> None:
    popularity = np.array([-10.0, 0.0, 50.0, 80.0, 100.0], "float32")
    logits = keras.ops.convert_to_numpy(to_logits(keras.ops.convert_to_tensor(popularity)))
    assert logits.shape == (5, 1)
    expected = popularity.clip(0.5, 99.5) / 100
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 0])), expected, rtol=1e-5)


def test_untrained_output_is_the_baseline_whatever_the_features() -> None:
    features, logits = keras.Input((3,)), keras.Input((1,))
    model = keras.Model([features, logits], popularity_output(features, logits))
    output = model([np.random.default_rng(0).normal(size=(2, 3)), np.array([[0.0], [2.0]])])
    np.testing.assert_allclose(output, [[50.0], [100 / (1 + np.exp(-2.0))]], rtol=1e-5)


def test_baseline_outside_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="expected between 0 and 100, received 100"):
        popularity_output(keras.Input((3,)), 100.0)


def test_feature_extractor_returns_outputs_by_layer_name() -> None:
    encoder = small_encoder()
    inputs = inputs_for(encoder)
    outputs = feature_extractor(encoder, FEATURES, LOGIT)(inputs, training=False)
    assert set(outputs) == {FEATURES, LOGIT}
    assert outputs[FEATURES].shape == (SONGS, 64)
    logit = keras.ops.convert_to_numpy(outputs[LOGIT])
    np.testing.assert_allclose(100 / (1 + np.exp(-logit)), call(encoder, inputs), rtol=1e-5)
