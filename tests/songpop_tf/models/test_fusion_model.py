"""The fusion model's branches and head."""

import keras
import numpy as np
import pytest

from songpop_tf.config import FusionConfig
from songpop_tf.models import fusion_model
from songpop_tf.models.fusion_model import BRANCHES_LAYER, HEAD_LAYER, split_branches
from tests.songpop_tf.models.small_models import (
    TARGETS,
    call,
    inputs_for,
    small_cnn,
    small_encoder,
)


def test_frozen_branches_do_not_change_while_the_head_is_trained() -> None:
    cnn, encoder = small_cnn(), small_encoder()
    model = fusion_model(cnn, encoder, FusionConfig(), frozen=True)
    head_variables = {id(variable) for variable in model.get_layer(HEAD_LAYER).variables}
    # With the states of random generators, which an active dropout layer would change.
    branch_variables = [
        variable for variable in model.variables if id(variable) not in head_variables
    ]
    before = [keras.ops.convert_to_numpy(variable) for variable in branch_variables]
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    model.fit(inputs_for(model), TARGETS, epochs=2, verbose=0)
    for variable, value in zip(branch_variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert cnn.trainable_variables, "the copied branch stays trainable"


@pytest.mark.parametrize("frozen", [True, False])
def test_untrained_fusion_model_predicts_as_the_text_branch(frozen: bool) -> None:
    keras.utils.set_random_seed(1)
    encoder = small_encoder()
    encoder.get_layer("correction").set_weights([np.ones((64, 1)), np.zeros(1)])
    model = fusion_model(small_cnn(), encoder, FusionConfig(), frozen=frozen)
    expected = call(encoder, inputs_for(encoder))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(call(model, inputs_for(model)), expected, atol=1e-3)


@pytest.mark.parametrize("frozen", [True, False])
def test_split_branches_compute_the_inputs_of_the_head(frozen: bool) -> None:
    cnn, encoder = small_cnn(), small_encoder()
    model = fusion_model(cnn, encoder, FusionConfig(), frozen=frozen)
    features = {}
    for branch, original in zip(split_branches(model), (cnn, encoder), strict=True):
        assert {tensor.name for tensor in branch.inputs} == {
            tensor.name for tensor in original.inputs
        }
        features |= branch(inputs_for(branch), training=False)
    np.testing.assert_allclose(
        call(model.get_layer(HEAD_LAYER), features), call(model, inputs_for(model)), atol=1e-3
    )


def test_head_predicts_from_the_outputs_of_the_branches() -> None:
    model = fusion_model(small_cnn(), small_encoder(), FusionConfig(), frozen=True)
    inputs = inputs_for(model)
    features = model.get_layer(BRANCHES_LAYER)(inputs, training=False)
    assert set(features) == {"spectrogram_features", "metadata_features", "metadata_logit"}
    np.testing.assert_allclose(
        call(model.get_layer(HEAD_LAYER), features), call(model, inputs), atol=1e-3
    )
