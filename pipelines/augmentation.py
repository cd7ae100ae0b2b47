"""Augmentation of spectrograms: pure functions of an image and a stateless seed.

The same seed gives the same augmentation, wherever the step runs; datasets derive one seed for
each (seed, epoch, element).
"""

import math
from functools import lru_cache

import numpy as np
import tensorflow as tf

from pipelines.spectrogram import FULL_SCALE
from songpop_tf.config import AugmentationConfig

_NOISE_LENGTH = 2**21
"""Eight of the images that the network sees: 8 MB."""
_ALIGNED = 16
"""Numbers in 64 bytes: a slice that begins at a multiple of them is not copied."""


def augment(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Add white noise, then cover random patches, a run of columns and a run of rows.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, of known size.
        config: what to do and how strongly.
        seed: ``(2,)`` integers; the same seed gives the same result.

    Returns:
        ``(rows, columns)`` float32 in 0-255.
    """
    # Of neighbouring seeds come independent numbers, and adding is quicker than splitting a seed.
    noise_seed, patch_seed, time_seed, frequency_seed = (
        tf.add(seed, [0, step]) for step in range(4)
    )
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
        image: ``(rows, columns)`` float32 in 0-255, of known size and at most 2^21 pixels.
    """
    # Drawing a quarter of a million normal numbers anew takes as long as a training step: a random
    # stretch of a long row of them is as white.
    size = math.prod(image.shape)
    places = (_NOISE_LENGTH - size) // _ALIGNED + 1
    first = _ALIGNED * tf.random.stateless_uniform([], seed, 0, places, tf.int32)
    noise = tf.reshape(_long_noise(stddev)[first : first + size], image.shape)
    return tf.raw_ops.ClipByValue(
        t=image + noise, clip_value_min=0.0, clip_value_max=float(FULL_SCALE)
    )


@lru_cache(maxsize=1)  # 8 MB for each strength, of which a search tries many
def _long_noise(stddev: float) -> tf.Tensor:
    noise = np.random.default_rng(0).standard_normal(_NOISE_LENGTH, "float32")
    # Outside the graph that is being traced: it would copy a constant of its own for every image.
    with tf.init_scope():
        return tf.constant(noise * np.float32(stddev * FULL_SCALE))


def cover_patches(image: tf.Tensor, config: AugmentationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Set ``config.patches`` random rectangles to 0, each with ``config.patch_probability``.

    A patch lies wholly inside the image; one larger than the image covers that whole axis.

    Args:
        image: ``(rows, columns)`` float32 in 0-255, of known size.
    """
    rows, columns = image.shape
    # Drawn together: each call costs as much as covering the image does.
    chance, row, column = tf.unstack(tf.random.stateless_uniform([3, config.patches, 1], seed))
    in_rows = _runs(rows, config.patch_rows, row)
    in_columns = _runs(columns, config.patch_columns, column)
    placed_rows = in_rows * tf.cast(chance < config.patch_probability, tf.float32)
    # A product of thin matrices tells without an image per patch how bright a pixel may be: full
    # scale, less as much for each patch that lies over it.
    brightest = tf.matmul(
        tf.concat([tf.ones([1, rows]), -placed_rows], axis=0),
        FULL_SCALE * tf.concat([tf.ones([1, columns]), in_columns], axis=0),
        transpose_a=True,
    )
    return tf.nn.relu(tf.minimum(image, brightest))


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


def _runs(length: int, run: int, share: tf.Tensor) -> tf.Tensor:
    """``(count, length)`` float32: each row holds one run of ones, ``share`` of the way along.

    Args:
        length: of the axis.
        run: how many ones.
        share: ``(count, 1)`` float32, 0 up to 1.
    """
    start = tf.cast(share * float(max(length - run, 0) + 1), tf.int32)
    position = tf.range(length)[tf.newaxis, :]
    return tf.cast((position >= start) & (position < start + run), tf.float32)
