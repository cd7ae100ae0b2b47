"""Frozen copies of the branches."""

import numpy as np

from songpop_tf.models.freezing import frozen_copy
from tests.songpop_tf.models.small_models import inputs_for, small_cnn, small_encoder


def test_frozen_copy_in_training_mode_predicts_as_the_original_in_inference_mode() -> None:
    for original in (small_cnn(), small_encoder()):
        copy = frozen_copy(original)
        inputs = inputs_for(original)
        np.testing.assert_allclose(
            copy(inputs, training=True), original(inputs, training=False), atol=1e-4
        )
        assert not copy.trainable_variables
        assert original.trainable_variables, "the original stays trainable"
