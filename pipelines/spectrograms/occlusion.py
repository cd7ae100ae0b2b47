"""The CNN's inputs of a spectrogram with a patch covered, for many patches of one image.

A covered patch is 0, as the patches of `cutout_patches` in training, but in the
image at its own width: both the resized image and the statistics are those of a file that is black
there. Neither is computed anew for each patch:

- Resizing is linear up to its last step, which cuts off negative values and scales to 8 bits. The
  resized patch alone is subtracted from the resized image.
- The statistics are computed from four windows: a patch outside of them does not change them.
"""

from dataclasses import dataclass

import tensorflow as tf

from pipelines.spectrograms.loading import CNN_INPUTS, COLUMNS, resize_rows
from pipelines.spectrograms.resampling import fft_resample, fft_resample_piece
from pipelines.spectrograms.statistics import (
    statistics_windows,
    window_columns,
    window_statistics,
)

Tensors = dict[str, tf.Tensor]


def occluded_inputs(image: tf.Tensor, patches: tf.Tensor) -> Tensors:
    """Compute the inputs of the CNN for one image, with each of several patches covered.

    Args:
        image: ``(rows, columns)`` uint8.
        patches: ``(patches, 4)`` int64, the first and the last column, the first and the last row
            of each, clipped to the image. One whose last pixel is before its first covers nothing.

    Returns:
        As `pipelines.spectrograms.loading.cnn_inputs`, with a first axis of the patches.
    """
    whole = _Whole.of(image)
    inputs: Tensors = tf.map_fn(
        lambda patch: _inputs_without(whole, _clip(patch, tf.shape(image))),
        tf.cast(patches, tf.int32),
        fn_output_signature=CNN_INPUTS,
    )
    return inputs


@dataclass(frozen=True)
class _Whole:
    """What is computed once for an image.

    Attributes:
        image: ``(rows, columns)`` uint8.
        resampled: ``(rows, 1024)`` float32, the image resampled along time.
        windows: ``(4, rows, 2400)`` uint8 of `statistics_windows`.
        window_columns: ``(4, 2400)`` int32, the columns of the image that the windows show.
        inputs: of the CNN, for the image as it is.
    """

    image: tf.Tensor
    resampled: tf.Tensor
    windows: tf.Tensor
    window_columns: tf.Tensor
    inputs: Tensors

    @classmethod
    def of(cls, image: tf.Tensor) -> "_Whole":
        resampled = fft_resample(image, COLUMNS)
        windows = statistics_windows(image)
        columns = tf.shape(image)[1]
        inputs = {
            "spectrogram": resize_rows(resampled),
            "columns": tf.cast(columns, tf.int64),
            "statistics": window_statistics(windows),
        }
        return cls(image, resampled, windows, window_columns(columns), inputs)


def _clip(patch: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The patch as ``(4,)`` int32: first column, end of the columns, first row, end of the rows."""
    rows, columns = tf.unstack(size)
    first_column, last_column, first_row, last_row = tf.unstack(patch)
    return tf.stack(
        [
            tf.clip_by_value(first_column, 0, columns),
            tf.clip_by_value(last_column + 1, 0, columns),
            tf.clip_by_value(first_row, 0, rows),
            tf.clip_by_value(last_row + 1, 0, rows),
        ]
    )


def _inputs_without(whole: _Whole, patch: tf.Tensor) -> Tensors:
    start, end, top, bottom = tf.unstack(patch)
    inputs: Tensors = tf.cond(
        tf.logical_or(end <= start, bottom <= top),
        lambda: whole.inputs,
        lambda: {
            **whole.inputs,
            "spectrogram": _resized_without(whole, patch),
            "statistics": _statistics_without(whole, patch),
        },
    )
    return inputs


def _resized_without(whole: _Whole, patch: tf.Tensor) -> tf.Tensor:
    start, end, top, bottom = tf.unstack(patch)
    rows, columns = tf.unstack(tf.shape(whole.image))
    piece = whole.image[top:bottom, start:end]
    resampled = fft_resample_piece(piece, start, columns, COLUMNS)
    return resize_rows(whole.resampled - tf.pad(resampled, [[top, rows - bottom], [0, 0]]))


def _statistics_without(whole: _Whole, patch: tf.Tensor) -> tf.Tensor:
    start, end, top, bottom = tf.unstack(patch)
    is_column = (whole.window_columns >= start) & (whole.window_columns < end)
    row = tf.range(tf.shape(whole.image)[0])
    is_row = (row >= top) & (row < bottom)

    def changed() -> tf.Tensor:
        is_covered = is_column[:, tf.newaxis, :] & is_row[:, tf.newaxis]
        return window_statistics(tf.where(is_covered, tf.cast(0, tf.uint8), whole.windows))

    return tf.cond(tf.reduce_any(is_column), changed, lambda: whole.inputs["statistics"])
