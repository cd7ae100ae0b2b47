"""The CNN's inputs of a spectrogram with a patch covered, for many patches of one image.

A covered pixel takes the mean of its row outside of the patch, in the image at its own width; in a
patch of the whole width nothing is left to take the mean of, and it is 0. Black, as of the patches
of `cutout_patches` in training, would be a silence that no song has: the model responds to
the silence, wherever it is, more than to the loss of what was there. Both the resized image and the
statistics are those of a file that is covered there. Neither is recomputed for each patch:

- Resizing is linear up to its last step, which cuts off negative values and scales to 8 bits. What
  covering takes from the patch is resized alone, and subtracted from the resized image.
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

_ROUNDING = 1e-4
"""Share of the largest value below which what is left of the image is an error of rounding."""


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
        patches,
        fn_output_signature=CNN_INPUTS,
    )
    return inputs


@dataclass(frozen=True)
class _Whole:
    """What is computed once for an image.

    Attributes:
        image: ``(rows, columns)`` uint8.
        row_sums: ``(rows,)`` int32 of the image.
        resampled: ``(rows, 1024)`` float32, the image resampled along time.
        windows: ``(4, rows, 2400)`` uint8 of `statistics_windows`.
        window_columns: ``(4, 2400)`` int32, the columns of the image that the windows show.
        inputs: of the CNN, for the image as it is.
    """

    image: tf.Tensor
    row_sums: tf.Tensor
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
        row_sums = tf.reduce_sum(tf.cast(image, tf.int32), axis=1)
        return cls(image, row_sums, resampled, windows, window_columns(columns), inputs)


def _clip(patch: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The patch as ``(4,)`` int32: first column, end of the columns, first row, end of the rows."""
    rows, columns = tf.unstack(tf.cast(size, patch.dtype))
    first_column, last_column, first_row, last_row = tf.unstack(patch)
    # Clipped as int64: an int32 would overflow.
    edges = tf.stack(
        [
            tf.clip_by_value(first_column, 0, columns),
            tf.clip_by_value(last_column, -1, columns - 1) + 1,
            tf.clip_by_value(first_row, 0, rows),
            tf.clip_by_value(last_row, -1, rows - 1) + 1,
        ]
    )
    return tf.cast(edges, tf.int32)


def _inputs_without(whole: _Whole, patch: tf.Tensor) -> Tensors:
    start, end, top, bottom = tf.unstack(patch)

    def covered() -> Tensors:
        piece = whole.image[top:bottom, start:end]
        fill = _fill(piece, whole.row_sums[top:bottom], tf.shape(whole.image)[1])
        return {
            **whole.inputs,
            "spectrogram": _resized_without(whole, patch, piece, fill),
            "statistics": _statistics_without(whole, patch, fill),
        }

    is_empty = tf.logical_or(end <= start, bottom <= top)
    inputs: Tensors = tf.cond(is_empty, lambda: whole.inputs, covered)
    return inputs


def _fill(piece: tf.Tensor, row_sums: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """``(rows of the piece, 1)`` uint8: the mean of each row's other columns; 0 without others."""
    others = row_sums - tf.reduce_sum(tf.cast(piece, tf.int32), axis=1)
    means = tf.math.divide_no_nan(
        tf.cast(others, tf.float32), tf.cast(columns - tf.shape(piece)[1], tf.float32)
    )
    return tf.cast(tf.round(means), tf.uint8)[:, tf.newaxis]


def _resized_without(
    whole: _Whole, patch: tf.Tensor, piece: tf.Tensor, fill: tf.Tensor
) -> tf.Tensor:
    start, _, top, bottom = tf.unstack(patch)
    rows, columns = tf.unstack(tf.shape(whole.image))
    taken = tf.cast(piece, tf.float32) - tf.cast(fill, tf.float32)
    resampled = fft_resample_piece(taken, start, columns, COLUMNS)
    left = whole.resampled - tf.pad(resampled, [[top, rows - bottom], [0, 0]])
    # Scaling to 8 bits would turn the errors of an image that is covered as a whole into noise.
    is_rounding = tf.abs(left) < _ROUNDING * tf.reduce_max(whole.resampled)
    return resize_rows(tf.where(is_rounding, 0.0, left))


def _statistics_without(whole: _Whole, patch: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
    start, end, top, bottom = tf.unstack(patch)
    rows = tf.shape(whole.image)[0]
    is_column = (whole.window_columns >= start) & (whole.window_columns < end)
    row = tf.range(rows)
    is_row = (row >= top) & (row < bottom)

    def changed() -> tf.Tensor:
        is_covered = is_column[:, tf.newaxis, :] & is_row[:, tf.newaxis]
        filled = tf.pad(fill, [[top, rows - bottom], [0, 0]])
        return window_statistics(tf.where(is_covered, filled, whole.windows))

    return tf.cond(tf.reduce_any(is_column), changed, lambda: whole.inputs["statistics"])
