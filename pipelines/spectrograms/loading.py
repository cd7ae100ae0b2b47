"""From a PNG file to the inputs of the CNN.

Preparation and prediction call the same `load_spectrogram`, which prevents a difference
between training and serving. All functions can be traced into a graph.
"""

from contextlib import AbstractContextManager

import tensorflow as tf

from pipelines.spectrograms.decoding import decode_spectrogram, png_error
from pipelines.spectrograms.resampling import fft_resample
from pipelines.spectrograms.statistics import STATISTICS, spectrogram_statistics

ROWS = 256
"""Frequency rows of the model input; low frequencies are at the bottom."""
COLUMNS = 1024
"""Time columns of the model input, independent of the song's duration."""
UNKNOWN_COLUMNS = 0
"""Stands for the width of an image that was resized before, such as the study's own files: nobody
knows the song's length, and the statistics of such an image are meaningless."""
FULL_SCALE = 255.0
"""Largest pixel value; images keep the range of their 8-bit files up to the model."""

CNN_INPUTS = {
    "spectrogram": tf.TensorSpec([ROWS, COLUMNS], tf.uint8),
    "columns": tf.TensorSpec([], tf.int64),
    "statistics": tf.TensorSpec([STATISTICS], tf.float32),
}
"""What `cnn_inputs` returns."""


def load_spectrogram(png: tf.Tensor) -> dict[str, tf.Tensor]:
    """Decode a PNG file and compute the inputs of the CNN.

    Args:
        png: scalar string, the bytes of a PNG file of a usable spectrogram.

    Returns:
        As `file_inputs`.

    Raises:
        tf.errors.InvalidArgumentError: the file is rejected by `png_error`, cannot be decoded, or
            its image is rejected by `decode_spectrogram`.
    """
    with _required(png_error(png)):
        image, error = decode_spectrogram(tf.identity(png))
    with _required(error):
        return file_inputs(tf.identity(image))


def _required(error: tf.Tensor) -> AbstractContextManager[None]:
    """What is computed within waits for the check that ``error`` is empty."""
    # In a graph the assertion is an operation. Eagerly it is None, and has been done by now.
    assertion = tf.debugging.Assert(tf.equal(error, ""), [error])
    context: AbstractContextManager[None] = tf.control_dependencies(
        [] if assertion is None else [assertion]
    )
    return context


def file_inputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Compute the inputs of the CNN from the image of a file, which may have been resized before.

    Args:
        image: ``(rows, columns)`` uint8.

    Returns:
        As `cnn_inputs`; of an image that has the columns of the model input already, ``columns`` is
        `UNKNOWN_COLUMNS`, and its most frequent level is taken for black.
    """
    return {**cnn_inputs(restore_resized(image)), "columns": known_columns(image)}


def restore_resized(image: tf.Tensor) -> tf.Tensor:
    """`restore_black` for an image that has the columns of the model input; others unchanged."""
    return tf.cond(_is_resized(image), lambda: restore_black(image), lambda: image)


def known_columns(image: tf.Tensor) -> tf.Tensor:
    """Width of the image of a file, scalar int64, `UNKNOWN_COLUMNS` if it was resized before."""
    columns = tf.shape(image, tf.int64)[1]
    return tf.where(_is_resized(image), tf.constant(UNKNOWN_COLUMNS, tf.int64), columns)


def _is_resized(image: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.shape(image)[1], COLUMNS)


def restore_black(image: tf.Tensor) -> tf.Tensor:
    """Undo what min-max scaling after a resize did: it lifted black to gray, by 24 to 40 levels.

    Most pixels of a spectrogram are black, so that black is the most frequent level.

    Args:
        image: ``(rows, columns)`` uint8.

    Returns:
        ``(rows, columns)`` uint8, from 0; unchanged if black is 0.
    """
    levels = tf.reshape(tf.cast(image, tf.int32), [-1])
    black = tf.argmax(tf.math.bincount(levels, minlength=256, maxlength=256))
    return image - tf.minimum(image, tf.cast(black, image.dtype))


def cnn_inputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Compute the inputs of the CNN from a gray image of any size.

    Args:
        image: ``(rows, columns)`` uint8, 200 columns a second.

    Returns:
        ``spectrogram``: ``(256, 1024)`` uint8, the resized image; ``columns``: scalar int64, the
        width of the image; ``statistics``: ``(STATISTICS,)`` float32 of the image before resizing.
    """
    return {
        "spectrogram": resize_spectrogram(image),
        "columns": tf.shape(image, tf.int64)[1],
        "statistics": spectrogram_statistics(image),
    }


def resize_spectrogram(image: tf.Tensor) -> tf.Tensor:
    """Resample a gray image of any size to ``(256, 1024)`` and scale it to 8 bits.

    ``scipy.signal.resample`` along each axis. The resize rings: next to bright pixels values are
    below 0. They become 0; the study's min-max scaling made black gray instead, by 30 levels of 255
    in songs, brighter than their faint pixels.

    Args:
        image: ``(rows, columns)``, uint8 or float.

    Returns:
        ``(256, 1024)`` uint8.
    """
    return resize_rows(fft_resample(image, COLUMNS))


def resize_rows(image: tf.Tensor) -> tf.Tensor:
    """The second half of `resize_spectrogram`.

    Args:
        image: ``(rows, 1024)`` float32, already resampled along time.

    Returns:
        ``(256, 1024)`` uint8.
    """
    return scale_to_uint8(tf.ensure_shape(_resample_rows(image), [ROWS, COLUMNS]))


def _resample_rows(image: tf.Tensor) -> tf.Tensor:
    """Resample along the first axis; an image of the right height is returned unchanged."""
    return tf.cond(
        tf.equal(tf.shape(image)[0], ROWS),
        lambda: image,
        lambda: tf.transpose(fft_resample(tf.transpose(image), ROWS)),
    )


def scale_to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Scale the largest value to 255 (uint8); negative values become 0, as does a black image."""
    image = tf.nn.relu(image)
    scaled = tf.math.divide_no_nan(image, tf.reduce_max(image)) * FULL_SCALE
    return tf.cast(tf.round(scaled), tf.uint8)
