"""Augmentation of spectrograms: pure functions of an image and a stateless seed.

The same seed gives the same augmentation, wherever the step runs; datasets derive one seed for
each (seed, epoch, element).
"""

import tensorflow as tf

from pipelines.spectrogram import FULL_SCALE
from songpop_tf.config import AugmentationConfig


def augment(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise, then cover random patches.

    Args:
        image: ``(rows, columns)`` float32 in 0-255.
        config: what to do and how strongly.
        seed: ``(2,)`` integers; the same seed gives the same result.

    Returns:
        ``(rows, columns)`` float32 in 0-255.
    """
    noise_seed, patch_seed = tf.unstack(tf.random.split(seed, 2))
    if config.noise_stddev > 0:
        image = add_noise(image, config.noise_stddev, noise_seed)
    if config.patches > 0:
        image = cover_patches(image, config, patch_seed)
    return image


def add_noise(image: tf.Tensor, stddev: float, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise; ``stddev`` is a share of full scale. The result is clipped to 0-255."""
    noise = tf.random.stateless_normal(tf.shape(image), seed, stddev=stddev * FULL_SCALE)
    return tf.clip_by_value(image + noise, 0.0, FULL_SCALE)


def cover_patches(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Set ``config.patches`` random rectangles to 0, each with ``config.patch_probability``.

    A patch lies wholly inside the image; one larger than the image covers that whole axis.
    """
    rows, columns = tf.unstack(tf.shape(image))
    place, row_seed, column_seed = tf.unstack(tf.random.split(seed, 3))
    placed = tf.random.stateless_uniform([config.patches], place) < config.patch_probability
    in_rows = _random_runs(rows, config.patch_rows, config.patches, row_seed)
    in_columns = _random_runs(columns, config.patch_columns, config.patches, column_seed)
    # A product of thin matrices counts the patches over each pixel without an image per patch.
    placed_rows = in_rows * tf.cast(placed, tf.float32)[:, tf.newaxis]
    covers = tf.matmul(placed_rows, in_columns, transpose_a=True)
    return tf.where(covers > 0.0, 0.0, image)


def _random_runs(length: tf.Tensor, run: int, count: int, seed: tf.Tensor) -> tf.Tensor:
    """``(count, length)`` float32: each row holds one run of ``run`` ones at a random place."""
    last_start = tf.maximum(length - run, 0)
    start = tf.random.stateless_uniform(
        [count, 1], seed, minval=0, maxval=last_start + 1, dtype=tf.int32
    )
    position = tf.range(length)[tf.newaxis, :]
    return tf.cast((position >= start) & (position < start + run), tf.float32)
