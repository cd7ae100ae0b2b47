"""Missingness patterns."""

import tensorflow as tf

from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS, pattern_id


def test_pattern_id_is_the_index_of_the_known_fields() -> None:
    artist, title, year = ["", " ", "A", "A"], ["", "T", "\t", "T"], [0, 0, 0, 1999]
    ids = pattern_id(tf.constant(artist), tf.constant(title), tf.constant(year, tf.int64))
    patterns = [MISSINGNESS_PATTERNS[index] for index in ids.numpy()]
    assert patterns == [(), ("title",), ("artist",), ("artist", "title", "year")]
    assert len(set(MISSINGNESS_PATTERNS)) == 8
