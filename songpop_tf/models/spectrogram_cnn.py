"""The audio branch: a CNN from a spectrogram to popularity."""

import math
from typing import Any

import keras
from keras import layers, ops

from pipelines.spectrograms.loading import COLUMNS, FULL_SCALE, ROWS
from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.config import SpectrogramCNNConfig
from songpop_tf.models.popularity_output import FEATURES, popularity_output
from songpop_tf.models.spectrogram_statistics import mean_and_std, spectrogram_statistics

AUDIO_FEATURES_LAYER = "audio_features"
"""Name of the layer that predicts the audio features, the auxiliary targets."""

_DEFAULT_CONFIG = SpectrogramCNNConfig()
_FIRST_KERNEL, _FIRST_STRIDE = 8, 4
_LENGTH_FEATURES = 16


def spectrogram_cnn(
    config: SpectrogramCNNConfig = _DEFAULT_CONFIG, *, mean_popularity: float = 50.0
) -> keras.Model:
    """Build the CNN.

    Frequency bands are channels and the convolutions are one-dimensional along time: absolute
    frequency matters, so no weight is shared between frequencies. The mean and the standard
    deviation over time pool the channels of the whole song. Beside them stand statistics that need
    no training (:mod:`songpop_tf.models.spectrogram_statistics`): a few thousand songs are not
    enough to learn from what is known about sound. A small dense layer maps both to the audio
    features (`pipelines.tables.audio_features`), which can be trained as an auxiliary output.
    Popularity is computed from these and from the song's length alone: with more inputs, the
    network overfits to chance features of the few thousand training songs.

    Args:
        config: layer sizes.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from ``{"spectrogram": (batch, 256, 1024) in 0-255, "columns": (batch,) int64, width
        of the image before resizing}`` to ``(batch, 1)`` popularity. Its layer ``features`` outputs
        ``(batch, config.features)``, its layer ``audio_features`` ``(batch, 10)``.
    """
    image = keras.Input((ROWS, COLUMNS), name="spectrogram")
    columns = keras.Input((), dtype="int64", name="columns")
    # Most pixels are dark: the logarithm spreads the dark values. There are fewer of them after
    # averaging the rows.
    x = ops.log1p(_bands_as_channels(ops.relu(image), config.bands))
    x = layers.Rescaling(1 / math.log1p(FULL_SCALE), name="rescaling")(x)
    pooled = ops.concatenate(
        [_convolutions(x, config), spectrogram_statistics(x, columns)], axis=-1
    )
    x = _batch_norm("pooled_norm")(pooled)
    x = layers.Dropout(config.pooled_dropout, name="pooled_dropout")(x)
    length = _length_features(columns)
    hidden = layers.Dense(config.features, activation="relu", name="audio_hidden")(
        ops.concatenate([x, length], axis=-1)
    )
    # A linear path beside the hidden layer: with few songs it learns faster and overfits less.
    audio_features = layers.Dense(len(AUDIO_FEATURES), dtype="float32", name=AUDIO_FEATURES_LAYER)(
        ops.concatenate([x, hidden], axis=-1)
    )
    x = layers.Dense(config.features, activation="relu", name="regression_hidden")(
        ops.concatenate([audio_features, length], axis=-1)
    )
    x = layers.Dropout(config.dropout, name="regression_dropout")(x)
    x = layers.Dense(config.features, activation="relu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    inputs = {"spectrogram": image, "columns": columns}
    return keras.Model(inputs, popularity_output(x, mean_popularity), name="spectrogram_cnn")


def _convolutions(x: Any, config: SpectrogramCNNConfig) -> Any:
    """``(batch, 1024, bands)`` -> ``(batch, 2 * filters)``, pooled over time."""
    x = _batch_norm("bands_norm")(x)
    first_filters, *other_filters = config.filters
    x = _conv_block(x, first_filters, _FIRST_KERNEL, _FIRST_STRIDE, "conv1")
    for number, filters in enumerate(other_filters, start=2):
        x = _conv_block(x, filters, config.kernel_size, 2, f"conv{number}")
    return mean_and_std(x)


def with_auxiliary_output(cnn: keras.Model) -> keras.Model:
    """Build a model with both outputs of a CNN, sharing its weights.

    Returns:
        Model from the CNN's inputs to ``{"popularity": (batch, 1), "audio_features":
        (batch, 10)}``.
    """
    outputs = {
        "popularity": cnn.output,
        "audio_features": cnn.get_layer(AUDIO_FEATURES_LAYER).output,
    }
    return keras.Model(cnn.input, outputs, name="spectrogram_cnn_with_auxiliary_output")


def _length_features(columns: Any) -> Any:
    """``(batch, 16)`` features of the song's length, which resizing removes from the image."""
    log_columns = ops.log(ops.maximum(ops.cast(columns, "float32"), 1.0))[:, None]
    return layers.Dense(_LENGTH_FEATURES, activation="relu", name="length_features")(
        _batch_norm("columns_norm")(log_columns)
    )


def _bands_as_channels(image: Any, bands: int) -> Any:
    """``(batch, 256, 1024)`` -> ``(batch, 1024, bands)``, averaging adjacent rows."""
    rows = ops.reshape(image, (-1, bands, ROWS // bands, COLUMNS))
    return ops.transpose(ops.mean(rows, axis=2), (0, 2, 1))


def _conv_block(x: Any, filters: int, kernel_size: int, strides: int, name: str) -> Any:
    x = layers.Conv1D(filters, kernel_size, strides, padding="same", use_bias=False, name=name)(x)
    x = _batch_norm(f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _batch_norm(name: str) -> keras.layers.Layer:
    # With Keras's default momentum of 0.99 the moving statistics take hundreds of steps to
    # converge; a small data set has few steps per epoch.
    return layers.BatchNormalization(momentum=0.9, name=name)
