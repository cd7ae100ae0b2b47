"""Augmentation of spectrograms: pure functions of an image and a stateless seed.

The same seed gives the same augmentation, wherever the step runs; datasets derive one seed for
each (seed, epoch, element).
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.spectrogram import FULL_SCALE
from songpop_tf.config import AugmentationConfig

_NOISE_LENGTH = 2**21
"""Eight of the images that the network sees: 8 MB."""


def augment(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise, then cover random patches, a run of columns and a run of rows.

    Args:
        image: ``(rows, columns)`` float32 in 0-255.
        config: what to do and how strongly.
        seed: ``(2,)`` integers; the same seed gives the same result.

    Returns:
        ``(rows, columns)`` float32 in 0-255.
    """
    noise_seed, patch_seed, time_seed, frequency_seed = tf.unstack(tf.random.split(seed, 4))
    if config.noise_stddev > 0:
        image = add_noise(image, config.noise_stddev, noise_seed)
    if config.patches > 0:
        image = cover_patches(image, config, patch_seed)
    if config.time_mask > 0:
        image = cover_run(image, *random_run(tf.shape(image)[1], config.time_mask, time_seed))
    if config.frequency_mask > 0:
        run = random_run(tf.shape(image)[0], config.frequency_mask, frequency_seed)
        image = tf.transpose(cover_run(tf.transpose(image), *run))
    return image


def add_noise(image: tf.Tensor, stddev: float, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise; ``stddev`` is a share of full scale. The result is clipped to 0-255.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, of at most 2^21 pixels.
    """
    # Drawing a quarter of a million normal numbers anew takes as long as a training step: a random
    # stretch of a long row of them is as white.
    size = tf.size(image)
    first = tf.random.stateless_uniform(
        [], seed, minval=0, maxval=_NOISE_LENGTH + 1 - size, dtype=tf.int32
    )
    noise = tf.reshape(tf.constant(_long_noise())[first : first + size], tf.shape(image))
    return tf.clip_by_value(image + stddev * FULL_SCALE * noise, 0.0, FULL_SCALE)


@cache
def _long_noise() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(_NOISE_LENGTH, "float32")


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


def random_run(length: tf.Tensor, longest: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First place and length of a run within ``length`` places, shorter than ``longest``.

    As SpecAugment draws them (Park et al. 2019): first the length, from 0, then the place.
    """
    run_seed, start_seed = tf.unstack(tf.random.split(seed, 2))
    limit = tf.minimum(longest, length)
    run = tf.random.stateless_uniform([], run_seed, minval=0, maxval=limit, dtype=tf.int32)
    start = tf.random.stateless_uniform(
        [], start_seed, minval=0, maxval=length - run, dtype=tf.int32
    )
    return start, run


def cover_run(image: tf.Tensor, start: tf.Tensor, run: tf.Tensor) -> tf.Tensor:
    """Set ``run`` columns of ``(rows, columns)`` to 0, from column ``start`` on."""
    column = tf.range(tf.shape(image)[1])[tf.newaxis, :]
    return tf.where((column >= start) & (column < start + run), tf.cast(0, image.dtype), image)


def _random_runs(length: tf.Tensor, run: int, count: int, seed: tf.Tensor) -> tf.Tensor:
    """``(count, length)`` float32: each row holds one run of ``run`` ones at a random place."""
    last_start = tf.maximum(length - run, 0)
    start = tf.random.stateless_uniform(
        [count, 1], seed, minval=0, maxval=last_start + 1, dtype=tf.int32
    )
    position = tf.range(length)[tf.newaxis, :]
    return tf.cast((position >= start) & (position < start + run), tf.float32)
