"""The convolutional branch: from a spectrogram to popularity."""

from typing import Any

import keras
from keras import layers, ops

from pipelines.sound import SOUND
from pipelines.spectrogram import COLUMNS, FULL_SCALE, ROWS
from songpop_tf.config import SpectrogramCNNConfig
from songpop_tf.models.output import FEATURES, popularity

_DEFAULT = SpectrogramCNNConfig()
_FIRST_KERNEL, _FIRST_STRIDE = 8, 4
_LENGTH_FEATURES = 16
SOUND_LAYER = "sound"
"""Name of the layer that is taught how songs sound."""


def spectrogram_cnn(
    config: SpectrogramCNNConfig = _DEFAULT, *, mean_popularity: float = 50.0
) -> keras.Model:
    """Build the CNN.

    The frequency bands are channels and the convolutions run along time: how high a sound lies
    matters, so no weight is shared between frequencies. Whole songs are then summed up by the mean
    and the standard deviation over time of what the convolutions found, and that by a few numbers,
    which can be taught how the song sounds (:mod:`pipelines.sound`). Popularity follows from these
    and from the song's length alone: with more to choose from, a network finds chance features of
    the few thousand songs that there are.

    Args:
        config: sizes.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from ``{"spectrogram": (batch, 256, 1024) in 0-255, "columns": (batch,) of the song's
        file}`` to ``(batch, 1)`` popularity. Its layer ``features`` gives ``(batch,
        config.features)``, its layer ``sound`` ``(batch, 10)``.
    """
    image = keras.Input((ROWS, COLUMNS), name="spectrogram")
    # Most of the image is dark: the root spreads the dark values apart.
    x = ops.sqrt(ops.relu(image))
    x = _bands_as_channels(x, config.bands)
    # Only now, where there are fewer numbers to multiply.
    x = layers.Rescaling(FULL_SCALE**-0.5, name="scaled")(x)
    x = _batch_norm("bands_norm")(x)
    first, *others = config.filters
    x = _convolution(x, first, _FIRST_KERNEL, _FIRST_STRIDE, "convolution1")
    for number, filters in enumerate(others, start=2):
        x = _convolution(x, filters, config.kernel_size, 2, f"convolution{number}")
    x = _mean_and_deviation(x)
    x = _batch_norm("pooled_norm")(x)
    x = layers.Dropout(config.dropout, name="pooled_dropout")(x)
    columns = keras.Input((), dtype="int64", name="columns")
    length = _length(columns)
    x = layers.Dense(config.features, activation="relu", name="heard")(
        ops.concatenate([x, length], axis=-1)
    )
    sound = layers.Dense(len(SOUND), dtype="float32", name=SOUND_LAYER)(x)
    x = layers.Dense(config.features, activation="relu", name="judged")(
        ops.concatenate([sound, length], axis=-1)
    )
    x = layers.Dropout(config.dropout, name="judged_dropout")(x)
    x = layers.Dense(config.features, activation="relu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    inputs = {"spectrogram": image, "columns": columns}
    return keras.Model(inputs, popularity(x, mean_popularity), name="spectrogram_cnn")


def with_sound(cnn: keras.Model) -> keras.Model:
    """The same CNN, sharing its weights, with both of its answers.

    Returns:
        Model from the CNN's inputs to ``{"popularity": (batch, 1), "sound": (batch, 10)}``.
    """
    answers = {"popularity": cnn.output, "sound": cnn.get_layer(SOUND_LAYER).output}
    return keras.Model(cnn.input, answers, name="spectrogram_cnn_with_sound")


def _length(columns: Any) -> Any:
    """``(batch, 16)`` features of the song's length, which shrinking takes from the image."""
    logarithm = ops.log(ops.maximum(ops.cast(columns, "float32"), 1.0))[:, None]
    return layers.Dense(_LENGTH_FEATURES, activation="relu", name="length")(
        _batch_norm("columns_norm")(logarithm)
    )


def _bands_as_channels(image: Any, bands: int) -> Any:
    """``(batch, 256, 1024)`` -> ``(batch, 1024, bands)``, neighbouring rows averaged."""
    rows = ops.reshape(image, (-1, bands, ROWS // bands, COLUMNS))
    return ops.transpose(ops.mean(rows, axis=2), (0, 2, 1))


def _convolution(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv1D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    x = _batch_norm(f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _batch_norm(name: str) -> keras.layers.Layer:
    # Keras's momentum of 0.99 needs hundreds of steps to settle; small sets have few an epoch.
    return layers.BatchNormalization(momentum=0.9, name=name)


def _mean_and_deviation(x: Any) -> Any:
    """``(batch, time, n)`` -> ``(batch, 2 n)``."""
    mean = ops.mean(x, axis=1)
    # The small constant keeps the root's slope finite where nothing changes over time.
    deviation = ops.sqrt(ops.var(x, axis=1) + 1e-3)
    return ops.concatenate([mean, deviation], axis=-1)
