"""The convolutional branch: from a spectrogram to popularity."""

from typing import Any

import keras
from keras import layers, ops

from pipelines.augmentation import FULL_SCALE
from pipelines.spectrogram import COLUMNS, ROWS
from songpop_tf.config import SpectrogramCNNConfig
from songpop_tf.models.output import FEATURES, popularity

_DEFAULT = SpectrogramCNNConfig()


def spectrogram_cnn(
    config: SpectrogramCNNConfig = _DEFAULT, *, mean_popularity: float = 50.0
) -> keras.Model:
    """Build the CNN.

    A patch convolution folds the image into a small grid at once: nearly all the time of a
    network that starts at full resolution goes into its first layers. Time is then averaged away,
    but frequency is not: how high a sound lies matters, when it sounds hardly does.

    Args:
        config: sizes.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from ``{"spectrogram": (batch, 256, 1024) in 0-255}`` to ``(batch, 1)`` popularity.
        Its layer ``features`` gives ``(batch, config.features)``.
    """
    image = keras.Input((ROWS, COLUMNS), name="spectrogram")
    x = layers.Reshape((ROWS, COLUMNS, 1), name="channel")(image)
    x = layers.Rescaling(1.0 / FULL_SCALE, name="scaled")(x)
    # Most of the image is dark: the root spreads the dark values apart.
    x = ops.sqrt(ops.relu(x))
    first, *others = config.filters
    x = _convolution(x, first, config.patch, config.patch, "patches")
    for number, filters in enumerate(others, start=1):
        size = (config.kernel_size, config.kernel_size)
        x = _convolution(x, filters, size, (2, 2), f"block{number}")
    x = ops.concatenate([ops.mean(x, axis=2), ops.max(x, axis=2)], axis=-1)
    x = layers.Flatten(name="frequencies")(x)
    x = layers.BatchNormalization(name="pooled_norm")(x)
    x = layers.Dropout(config.dropout, name="pooled_dropout")(x)
    x = layers.Dense(config.features, activation="relu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    return keras.Model(
        {"spectrogram": image}, popularity(x, mean_popularity), name="spectrogram_cnn"
    )


def _convolution(
    x: Any, filters: int, kernel: tuple[int, int], strides: tuple[int, int], name: str
) -> Any:
    x = layers.Conv2D(
        filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_convolution"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)
