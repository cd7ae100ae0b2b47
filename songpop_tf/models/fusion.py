"""Both branches and the head that joins them."""

import keras
from keras import layers

from songpop_tf.config import FusionConfig
from songpop_tf.models.output import FEATURES, features_of, popularity

_DEFAULT = FusionConfig()
HEAD = "head"


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
        cnn: from :func:`spectrogram_cnn`; its weights are shared.
        encoder: from :func:`metadata_encoder`; its weights are shared.
        config: of the head.
        frozen: keep the branches as they are, with batch norm and dropout in inference mode also
            while the head trains; False to train everything together.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from the inputs of both branches to ``(batch, 1)`` popularity. Its layer ``head`` is
        itself a model, from ``{"spectrogram_features", "metadata_features"}`` to popularity.
    """
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for branch in (cnn, encoder)
        for tensor in branch.inputs
    }
    features = {}
    for branch in (cnn, encoder):
        part = features_of(branch)
        if frozen:
            part.trainable = False
        own = {tensor.name: inputs[tensor.name] for tensor in branch.inputs}
        features[branch] = part(own, training=False) if frozen else part(own)
    head = _head(cnn, encoder, config, mean_popularity)
    output = head({"spectrogram_features": features[cnn], "metadata_features": features[encoder]})
    return keras.Model(inputs, output, name="fusion_model")


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
