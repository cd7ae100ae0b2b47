"""Missingness patterns: which of the fields artist, title and year are known for a song."""

from itertools import product

import tensorflow as tf

from pipelines.constants import UNKNOWN_YEAR

FIELDS = ("artist", "title", "year")
"""The metadata fields, each of which may be missing, in the order of the model's inputs."""
MISSINGNESS_PATTERNS: tuple[tuple[str, ...], ...] = tuple(
    tuple(field for field, is_known in zip(FIELDS, pattern, strict=True) if is_known)
    for pattern in product((False, True), repeat=len(FIELDS))
)
"""Known fields of each pattern, by `pattern_id`: from none (0) to all (7)."""
PATTERNS_WITH_ARTIST = tuple(pattern for pattern in MISSINGNESS_PATTERNS if "artist" in pattern)
"""Those with a history of the artists."""


def pattern_id(artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
    """Return the index of each song's pattern in ``MISSINGNESS_PATTERNS``, ``(batch,)`` int32.

    Args:
        artist: ``(batch,)`` string; only white space counts as missing.
        title: ``(batch,)`` string; only white space counts as missing.
        year: ``(batch,)`` integers, 0 = unknown.
    """
    is_known = [
        tf.not_equal(tf.strings.strip(artist), ""),
        tf.not_equal(tf.strings.strip(title), ""),
        tf.not_equal(year, UNKNOWN_YEAR),
    ]
    # A binary number with one digit for each field, in the order of `itertools.product`.
    pattern = tf.zeros_like(year, tf.int32)
    for digit in is_known:
        pattern = 2 * pattern + tf.cast(digit, tf.int32)
    return pattern
