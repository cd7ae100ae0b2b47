"""Both branches and the head that joins them."""

import keras
from keras import layers

from songpop_tf.config import FusionConfig
from songpop_tf.models.freeze import frozen_copy
from songpop_tf.models.output import FEATURES, features_of, popularity

_DEFAULT = FusionConfig()
HEAD = "head"
"""Name of the layer that maps both branches' features to popularity."""
BRANCHES = "branches"
"""Name of the layer that maps all inputs to both branches' features."""


def fusion_model(
    cnn: keras.Model,
    encoder: keras.Model,
    config: FusionConfig = _DEFAULT,
    *,
    frozen: bool,
    mean_popularity: float = 50.0,
) -> keras.Model:
    """Join the features of both branches (64 + 64 = 128 -> 64 -> 1).

    Args:
        cnn: from :func:`spectrogram_cnn`.
        encoder: from :func:`metadata_encoder`.
        config: of the head.
        frozen: take copies of the branches and keep them as they are, with batch norm and dropout
            in inference mode also while the head trains; False to share the branches' weights and
            train everything together.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from the inputs of both branches to ``(batch, 1)`` popularity. It consists of two
        models: ``branches`` gives ``{"spectrogram_features", "metadata_features"}``, and ``head``
        goes from there to popularity.
    """
    branches = _branches(cnn, encoder, frozen)
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in branches.inputs
    }
    head = _head(cnn, encoder, config, mean_popularity)
    return keras.Model(inputs, head(branches(inputs)), name="fusion_model")


def _branches(cnn: keras.Model, encoder: keras.Model, frozen: bool) -> keras.Model:
    """Both branches side by side: what the head needs can be computed once and kept."""
    inputs: dict[str, keras.KerasTensor] = {}
    features: dict[str, keras.KerasTensor] = {}
    for name, branch in (("spectrogram_features", cnn), ("metadata_features", encoder)):
        own = {
            tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
            for tensor in branch.inputs
        }
        part = frozen_copy(features_of(branch)) if frozen else features_of(branch)
        features[name] = part(own)
        inputs |= own
    return keras.Model(inputs, features, name=BRANCHES)


def _head(
    cnn: keras.Model, encoder: keras.Model, config: FusionConfig, mean_popularity: float
) -> keras.Model:
    spectrogram = keras.Input(cnn.get_layer(FEATURES).output.shape[1:], name="spectrogram_features")
    metadata = keras.Input(encoder.get_layer(FEATURES).output.shape[1:], name="metadata_features")
    x = layers.Concatenate(name="both")([spectrogram, metadata])
    x = layers.BatchNormalization(name="both_norm")(x)
    x = layers.Dropout(config.dropout, name="both_dropout")(x)
    x = layers.Dense(config.hidden, activation="relu", name="hidden")(x)
    x = layers.Dropout(config.dropout, name="hidden_dropout")(x)
    return keras.Model(
        {"spectrogram_features": spectrogram, "metadata_features": metadata},
        popularity(x, mean_popularity),
        name=HEAD,
    )
