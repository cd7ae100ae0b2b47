"""Augmentation of spectrograms: white noise, Cutout patches, time and frequency masks.

Every function is pure: the same image and the same stateless seed give the same result, eagerly and
inside ``tf.data``. The datasets derive one seed for each (seed, epoch, song).
"""

import math
from functools import lru_cache

import numpy as np
import tensorflow as tf

from pipelines.config import AugmentationConfig
from pipelines.spectrograms.loading import FULL_SCALE, UNKNOWN_COLUMNS

_NOISE_BANK_SIZE = 2**21
"""Values in the noise bank: eight times as many as pixels in a model input, 8 MB of float32."""
_ALIGNMENT = 16
"""float32 values in 64 bytes: TensorFlow copies no slice that starts at a multiple of them."""


def augment(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise, then mask random patches, a span of columns and a span of rows.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, with a static shape.
        config: which augmentations to apply, and how strongly.
        seed: ``(2,)`` integers; the same seed gives the same result.

    Returns:
        ``(rows, columns)`` float32 in 0-255.
    """
    # Stateless random numbers of consecutive seeds are independent, and an addition is faster than
    # `tf.random.split`.
    noise_seed, patch_seed, time_seed, frequency_seed = (
        tf.add(seed, [0, step]) for step in range(4)
    )
    if config.noise_stddev > 0:
        image = add_noise(image, config.noise_stddev, noise_seed)
    if config.patches > 0:
        image = cutout_patches(image, config, patch_seed)
    if config.time_mask > 0:
        span = random_span(tf.shape(image)[1], config.time_mask, time_seed)
        image = mask_columns(image, *span)
    if config.frequency_mask > 0:
        span = random_span(tf.shape(image)[0], config.frequency_mask, frequency_seed)
        image = tf.transpose(mask_columns(tf.transpose(image), *span))
    return image


def mask_length(columns: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Replace a song's width by `UNKNOWN_COLUMNS`, with a probability of ``rate``.

    Args:
        columns: scalar int64.
        rate: 0 to 1.
        seed: ``(2,)`` integers.
    """
    is_masked = tf.random.stateless_uniform([], tf.add(seed, [0, 4])) < rate
    return tf.where(is_masked, tf.constant(UNKNOWN_COLUMNS, columns.dtype), columns)


def add_noise(image: tf.Tensor, stddev: float, seed: tf.Tensor) -> tf.Tensor:
    """Add white Gaussian noise and clip the result to 0-255.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, with a static shape of at most 2^21 pixels.
        stddev: standard deviation as a share of full scale.
        seed: ``(2,)`` integers.
    """
    # A slice of the noise bank with a random start is as white as new noise. Drawing 262,144 normal
    # numbers for each image would take as long as a training step.
    size = math.prod(image.shape)
    start_count = (_NOISE_BANK_SIZE - size) // _ALIGNMENT + 1
    start = _ALIGNMENT * tf.random.stateless_uniform([], seed, 0, start_count, tf.int32)
    noise = tf.reshape(_noise_bank(stddev)[start : start + size], image.shape)
    return tf.raw_ops.ClipByValue(
        t=image + noise, clip_value_min=0.0, clip_value_max=float(FULL_SCALE)
    )


@lru_cache(maxsize=1)  # 8 MB for each value of `stddev`, of which a hyperparameter search has many
def _noise_bank(stddev: float) -> tf.Tensor:
    """Return ``(_NOISE_BANK_SIZE,)`` float32 normal noise in units of pixel values."""
    noise = np.random.default_rng(0).standard_normal(_NOISE_BANK_SIZE, "float32")
    # An eager tensor outside the graph being traced is captured by reference. A constant inside the
    # graph would be copied for every image.
    with tf.init_scope():
        return tf.constant(noise * np.float32(stddev * FULL_SCALE))


def cutout_patches(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Set random rectangles to 0 (Cutout, DeVries & Taylor 2017, arXiv:1708.04552).

    Each of ``config.patches`` rectangles is applied with ``config.patch_probability``. Unlike in
    the paper a patch is completely inside the image; one larger than the image covers that axis.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, with a static shape.
        config: number, probability and size of the patches.
        seed: ``(2,)`` integers.
    """
    rows, columns = image.shape
    # A single draw: each call costs as much as masking the image.
    chance, row, column = tf.unstack(tf.random.stateless_uniform([3, config.patches, 1], seed))
    row_masks = _span_masks(rows, config.patch_rows, row)
    column_masks = _span_masks(columns, config.patch_columns, column)
    applied_row_masks = row_masks * tf.cast(chance < config.patch_probability, tf.float32)
    # The upper limit of each pixel: full scale * (1 - number of patches that cover it). As a matrix
    # product of rank (1 + patches) it needs no separate image for each patch.
    upper_limit = tf.matmul(
        tf.concat([tf.ones([1, rows]), -applied_row_masks], axis=0),
        FULL_SCALE * tf.concat([tf.ones([1, columns]), column_masks], axis=0),
        transpose_a=True,
    )
    return tf.nn.relu(tf.minimum(image, upper_limit))


def random_span(size: tf.Tensor, limit: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw the start and the length of a span of an axis, as SpecAugment does.

    Park et al. 2019, arXiv:1904.08779: the length is uniform in [0, ``limit``), then the start is
    uniform in [0, ``size`` - length).

    Args:
        size: of the axis, scalar int32.
        limit: the span is shorter than this.
        seed: ``(2,)`` integers.

    Returns:
        Start and length, scalar int32.
    """
    length_seed, start_seed = tf.unstack(tf.random.split(seed, 2))
    length = tf.random.stateless_uniform(
        [], length_seed, minval=0, maxval=tf.minimum(limit, size), dtype=tf.int32
    )
    start = tf.random.stateless_uniform(
        [], start_seed, minval=0, maxval=size - length, dtype=tf.int32
    )
    return start, length


def mask_columns(image: tf.Tensor, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Set ``length`` columns of ``(rows, columns)`` to 0, beginning with column ``start``."""
    column = tf.range(tf.shape(image)[1])[tf.newaxis, :]
    return tf.where((column >= start) & (column < start + length), tf.cast(0, image.dtype), image)


def _span_masks(size: int, length: int, position: tf.Tensor) -> tf.Tensor:
    """Return ``(count, size)`` float32: in each row one span of ones, zeros elsewhere.

    Args:
        size: of the axis.
        length: of the spans.
        position: ``(count, 1)`` float32 in [0, 1): 0 is the first possible start, 1 the last.
    """
    start = tf.cast(position * float(max(size - length, 0) + 1), tf.int32)
    index = tf.range(size)[tf.newaxis, :]
    return tf.cast((index >= start) & (index < start + length), tf.float32)
