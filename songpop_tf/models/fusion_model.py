"""The fusion model: both branches and the head on their concatenated features."""

import keras
from keras import layers

from songpop_tf.config import FusionConfig
from songpop_tf.models.freezing import frozen_copy
from songpop_tf.models.normalization import batch_normalization
from songpop_tf.models.popularity_output import (
    FEATURES,
    LOGIT,
    feature_extractor,
    popularity_output,
)

BRANCHES_LAYER = "branches"
"""Name of the nested model from all inputs to the features of both branches."""
HEAD_LAYER = "head"
"""Name of the nested model from the features of both branches to popularity."""

_DEFAULT_CONFIG = FusionConfig()


def fusion_model(
    cnn: keras.Model,
    encoder: keras.Model,
    config: FusionConfig = _DEFAULT_CONFIG,
    *,
    frozen: bool,
) -> keras.Model:
    """Join the features of both branches (64 + 64 = 128 -> 64 -> 1).

    The head corrects the prediction of the text branch: the untrained model predicts as the text
    branch does.

    Args:
        cnn: from `spectrogram_cnn`.
        encoder: from `metadata_encoder`.
        config: of the head.
        frozen: use frozen copies of the branches, with batch normalization and dropout in inference
            mode also while the head is trained; False to share the branches' weights and train
            everything together.

    Returns:
        Model from the inputs of both branches to ``(batch, 1)`` popularity. It consists of two
        nested models: ``branches`` outputs ``{"spectrogram_features", "metadata_features",
        "metadata_logit"}``, and ``head`` maps these to popularity.
    """
    branches = _branches(cnn, encoder, frozen)
    inputs = _new_inputs(branches)
    return keras.Model(inputs, _head(branches, config)(branches(inputs)), name="fusion_model")


def split_branches(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The CNN and the text branch of a fusion model as models of their own, sharing its weights.

    Returns:
        Model from the CNN's inputs to ``{"spectrogram_features"}``, and model from the encoder's
        inputs to ``{"metadata_features", "metadata_logit"}``: together, the inputs of ``head``.
    """
    branches = model.get_layer(BRANCHES_LAYER)
    return (
        _submodel(branches, "spectrogram_features"),
        _submodel(branches, "metadata_features", "metadata_logit"),
    )


def _submodel(model: keras.Model, *names: str) -> keras.Model:
    """The part of a functional model that computes some of its outputs, from the inputs needed."""
    outputs = {name: model.output[name] for name in names}
    inputs = {
        tensor.name: tensor
        for output in outputs.values()
        for tensor in keras.utils.get_source_inputs(output)
    }
    return keras.Model(inputs, outputs)


def _branches(cnn: keras.Model, encoder: keras.Model, frozen: bool) -> keras.Model:
    """Both branches as one model: the head's inputs can be computed once and cached."""
    extractors = [feature_extractor(cnn, FEATURES), feature_extractor(encoder, FEATURES, LOGIT)]
    if frozen:
        extractors = [frozen_copy(extractor) for extractor in extractors]
    audio_branch, text_branch = extractors
    audio_inputs, text_inputs = _new_inputs(audio_branch), _new_inputs(text_branch)
    audio_outputs, text_outputs = audio_branch(audio_inputs), text_branch(text_inputs)
    features = {
        "spectrogram_features": audio_outputs[FEATURES],
        "metadata_features": text_outputs[FEATURES],
        "metadata_logit": text_outputs[LOGIT],
    }
    return keras.Model({**audio_inputs, **text_inputs}, features, name=BRANCHES_LAYER)


def _new_inputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Inputs like those of ``model``, by name."""
    return {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }


def _head(branches: keras.Model, config: FusionConfig) -> keras.Model:
    features = {
        name: keras.Input(tensor.shape[1:], name=name) for name, tensor in branches.output.items()
    }
    x = layers.Concatenate(name="concatenated")(
        [features["spectrogram_features"], features["metadata_features"]]
    )
    x = batch_normalization("concatenated_norm")(x)
    x = layers.Dropout(config.dropout, name="concatenated_dropout")(x)
    x = layers.Dense(config.hidden, activation="relu", name="hidden")(x)
    x = layers.Dropout(config.dropout, name="hidden_dropout")(x)
    return keras.Model(features, popularity_output(x, features["metadata_logit"]), name=HEAD_LAYER)
