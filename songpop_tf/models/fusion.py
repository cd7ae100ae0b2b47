"""Both branches and the head that joins them."""

import keras
from keras import layers

from songpop_tf.config import FusionConfig
from songpop_tf.models.freeze import frozen_copy
from songpop_tf.models.output import FEATURES, LOGIT, findings_of, popularity

_DEFAULT = FusionConfig()
HEAD = "head"
"""Name of the layer that maps both branches' findings to popularity."""
BRANCHES = "branches"
"""Name of the layer that maps all inputs to both branches' findings."""


def fusion_model(
    cnn: keras.Model, encoder: keras.Model, config: FusionConfig = _DEFAULT, *, frozen: bool
) -> keras.Model:
    """Join the features of both branches (64 + 64 = 128 -> 64 -> 1).

    The head corrects what the text branch says: untrained, the model answers as that branch does.

    Args:
        cnn: from :func:`spectrogram_cnn`.
        encoder: from :func:`metadata_encoder`.
        config: of the head.
        frozen: take copies of the branches and keep them as they are, with batch norm and dropout
            in inference mode also while the head trains; False to share the branches' weights and
            train everything together.

    Returns:
        Model from the inputs of both branches to ``(batch, 1)`` popularity. It consists of two
        models: ``branches`` gives ``{"spectrogram_features", "metadata_features",
        "metadata_logit"}``, and ``head`` goes from there to popularity.
    """
    branches = _branches(cnn, encoder, frozen)
    inputs = _new_inputs(branches)
    return keras.Model(inputs, _head(branches, config)(branches(inputs)), name="fusion_model")


def _branches(cnn: keras.Model, encoder: keras.Model, frozen: bool) -> keras.Model:
    """Both branches side by side: what the head needs can be computed once and kept."""
    parts = [findings_of(cnn, FEATURES), findings_of(encoder, FEATURES, LOGIT)]
    sound, text = (frozen_copy(part) for part in parts) if frozen else parts
    sound_inputs, text_inputs = _new_inputs(sound), _new_inputs(text)
    heard, read = sound(sound_inputs), text(text_inputs)
    findings = {
        "spectrogram_features": heard[FEATURES],
        "metadata_features": read[FEATURES],
        "metadata_logit": read[LOGIT],
    }
    return keras.Model({**sound_inputs, **text_inputs}, findings, name=BRANCHES)


def _new_inputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    return {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }


def _head(branches: keras.Model, config: FusionConfig) -> keras.Model:
    findings = {
        name: keras.Input(tensor.shape[1:], name=name) for name, tensor in branches.output.items()
    }
    x = layers.Concatenate(name="both")(
        [findings["spectrogram_features"], findings["metadata_features"]]
    )
    x = layers.BatchNormalization(name="both_norm")(x)
    x = layers.Dropout(config.dropout, name="both_dropout")(x)
    x = layers.Dense(config.hidden, activation="relu", name="hidden")(x)
    x = layers.Dropout(config.dropout, name="hidden_dropout")(x)
    return keras.Model(findings, popularity(x, findings["metadata_logit"]), name=HEAD)
