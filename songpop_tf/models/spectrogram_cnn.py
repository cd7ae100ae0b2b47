"""The audio branch: a CNN from a spectrogram to popularity."""

import math
from typing import Any

import keras
from keras import layers, ops

from pipelines.spectrograms.loading import COLUMNS, FULL_SCALE, ROWS, UNKNOWN_COLUMNS
from pipelines.spectrograms.statistics import STATISTICS, TYPICAL_TEMPO
from pipelines.tables.audio_features import AUDIO_FEATURE_SCALES, AUDIO_FEATURES
from songpop_tf.config import SpectrogramCNNConfig
from songpop_tf.models.normalization import batch_normalization
from songpop_tf.models.popularity_output import FEATURES, popularity_output

AUDIO_FEATURES_LAYER = "audio_features"
"""Name of the layer that predicts the audio features, the auxiliary targets."""

_DEFAULT_CONFIG = SpectrogramCNNConfig()
_LEARNED_FEATURES = len(AUDIO_FEATURES) - 1
"""All but the tempo."""
_FIRST_KERNEL, _FIRST_STRIDE = 8, 4
_LENGTH_FEATURES = 16
_MAX_DEVIATIONS = 4.0
"""Statistics further from their mean are clipped: a linear model would follow them anywhere."""


def spectrogram_cnn(
    config: SpectrogramCNNConfig = _DEFAULT_CONFIG, *, mean_popularity: float = 50.0
) -> keras.Model:
    """Build the CNN.

    Frequency bands are channels and the convolutions are one-dimensional along time: absolute
    frequency matters, so no weight is shared between frequencies. The mean and the standard
    deviation over time pool the channels of the whole song. Beside them stand statistics of the
    image before resizing (:mod:`pipelines.spectrograms.statistics`): a few thousand songs are not
    enough to learn what is known about sound. A small dense layer maps both to the audio
    features (`pipelines.tables.audio_features`), which can be trained as an auxiliary output.
    Popularity is computed from these and from the song's length alone: with more inputs, the
    network overfits to chance features of the few thousand training songs. For a song of unknown
    length, whose image was resized before, length and statistics are those of the mean song, and
    only the convolutions tell songs apart.

    Args:
        config: layer sizes.
        mean_popularity: of the training songs, 0-100.

    Returns:
        Model from the inputs of `pipelines.spectrograms.loading.cnn_inputs` in batches, that is
        ``{"spectrogram": (batch, 256, 1024) in 0-255, "columns": (batch,) int64, 0 = unknown,
        "statistics": (batch, STATISTICS)}``, to ``(batch, 1)`` popularity. Its layer ``features``
        outputs ``(batch, config.features)``, its layer ``audio_features`` ``(batch, 10)``.
    """
    image = keras.Input((ROWS, COLUMNS), name="spectrogram")
    columns = keras.Input((), dtype="int64", name="columns")
    statistics = keras.Input((STATISTICS,), name="statistics")
    # Most pixels are dark: the logarithm spreads the dark values. There are fewer of them after
    # averaging the rows.
    x = ops.log1p(_bands_as_channels(ops.relu(image), config.bands))
    x = layers.Rescaling(1 / math.log1p(FULL_SCALE), name="rescaling")(x)
    is_known = ops.not_equal(columns, UNKNOWN_COLUMNS)
    statistics_scaled = _scaled_statistics(statistics, is_known)
    length = _length_features(columns, is_known)
    pooled = ops.concatenate([_convolutions(x, config), statistics_scaled], axis=-1)
    # The mean of two models: the linear one overfits less to a few hundred songs, the hidden layer
    # and the convolutions find more in thousands.
    learned = layers.Average(dtype="float32", name="learned_features")(
        [
            _linear_features(statistics_scaled, config),
            _hidden_features(pooled, length, config),
        ]
    )
    # The tempo needs no learning; regression would draw it to the mean.
    scale = AUDIO_FEATURE_SCALES["tempo"]
    tempo = _zero_unless(is_known, (statistics[:, -1:] - scale.mean) / scale.stddev)
    audio_features = layers.Concatenate(dtype="float32", name=AUDIO_FEATURES_LAYER)(
        [learned, tempo]
    )
    x = layers.Dense(config.features, activation="relu", name="regression_hidden")(
        ops.concatenate([audio_features, length], axis=-1)
    )
    x = layers.Dropout(config.dropout, name="regression_dropout")(x)
    x = layers.Dense(config.features, activation="relu", name=FEATURES)(x)
    x = layers.Dropout(config.dropout, name="features_dropout")(x)
    inputs = {"spectrogram": image, "columns": columns, "statistics": statistics}
    return keras.Model(inputs, popularity_output(x, mean_popularity), name="spectrogram_cnn")


def _linear_features(statistics: Any, config: SpectrogramCNNConfig) -> Any:
    x = layers.Dropout(config.pooled_dropout, name="statistics_dropout")(statistics)
    return layers.Dense(_LEARNED_FEATURES, dtype="float32", name="linear_features")(x)


def _hidden_features(pooled: Any, length: Any, config: SpectrogramCNNConfig) -> Any:
    x = layers.Dropout(config.pooled_dropout, name="pooled_dropout")(pooled)
    x = layers.Dense(config.features, activation="relu", name="audio_hidden")(
        ops.concatenate([x, length], axis=-1)
    )
    return layers.Dense(_LEARNED_FEATURES, dtype="float32", name="hidden_features")(x)


def _convolutions(x: Any, config: SpectrogramCNNConfig) -> Any:
    """``(batch, 1024, bands)`` -> ``(batch, 2 * filters)``, pooled over time."""
    x = _batch_norm("bands_norm")(x)
    first_filters, *other_filters = config.filters
    x = _conv_block(x, first_filters, _FIRST_KERNEL, _FIRST_STRIDE, "conv1")
    for number, filters in enumerate(other_filters, start=2):
        x = _conv_block(x, filters, config.kernel_size, 2, f"conv{number}")
    return _batch_norm("pooled_norm")(_mean_and_std(x))


def _mean_and_std(x: Any) -> Any:
    """Mean and standard deviation over time, ``(batch, time, n)`` -> ``(batch, 2 n)``."""
    # The small constant keeps the gradient of the square root finite at variance 0.
    std = ops.sqrt(ops.var(x, axis=1) + 1e-3)
    return ops.concatenate([ops.mean(x, axis=1), std], axis=-1)


def _scaled_statistics(statistics: Any, is_known: Any) -> Any:
    """Statistics of mean 0 and deviation 1, without outliers; of the tempo the logarithm."""
    octaves = ops.log2(ops.maximum(statistics[:, -1:], 1.0) / TYPICAL_TEMPO)
    x = ops.concatenate([statistics[:, :-1], octaves], axis=-1)
    x = _batch_norm("statistics_norm")(x, mask=is_known)
    return _zero_unless(is_known, ops.clip(x, -_MAX_DEVIATIONS, _MAX_DEVIATIONS))


def _zero_unless(is_known: Any, x: Any) -> Any:
    """``(batch, n)``, 0 for songs of unknown length; 0 is the mean of normalized values."""
    return x * ops.cast(is_known, x.dtype)[:, None]


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


def _length_features(columns: Any, is_known: Any) -> Any:
    """``(batch, 16)`` features of the song's length, which resizing removes from the image."""
    log_columns = ops.log(ops.maximum(ops.cast(columns, "float32"), 1.0))[:, None]
    log_columns = _batch_norm("columns_norm")(log_columns, mask=is_known)
    return layers.Dense(_LENGTH_FEATURES, activation="relu", name="length_features")(
        _zero_unless(is_known, log_columns)
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
    return batch_normalization(name, momentum=0.9)
