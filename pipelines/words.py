"""Which of a song's words are known: artist, title and year, each of them or not."""

from itertools import product

import tensorflow as tf

from pipelines.years import UNKNOWN_YEAR

WORDS = ("artist", "title", "year")
"""What may be known of a song besides its sound, in the order of the model's inputs."""
PATTERNS: tuple[tuple[str, ...], ...] = tuple(
    tuple(word for word, known in zip(WORDS, shown, strict=True) if known)
    for shown in product((False, True), repeat=len(WORDS))
)
"""Every choice of words that may be known, by number: from none (0) to all."""


def pattern_of(artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
    """Number the patterns of songs, ``(batch,)`` int32: places in :data:`PATTERNS`.

    Args:
        artist: ``(batch,)`` string; nothing but white space is not known.
        title: ``(batch,)`` string, likewise.
        year: ``(batch,)`` integers, 0 = unknown.
    """
    known = [
        tf.not_equal(tf.strings.strip(artist), ""),
        tf.not_equal(tf.strings.strip(title), ""),
        tf.not_equal(year, UNKNOWN_YEAR),
    ]
    number = tf.zeros_like(year, tf.int32)
    for one in known:
        number = 2 * number + tf.cast(one, tf.int32)
    return number
