"""Which words of a song are known."""

import tensorflow as tf

from pipelines.words import PATTERNS, pattern_of


def test_patterns_are_numbered_as_they_are_listed() -> None:
    artist, title, year = ["", " ", "A", "A"], ["", "T", "\t", "T"], [0, 0, 0, 1999]
    numbers = pattern_of(tf.constant(artist), tf.constant(title), tf.constant(year, tf.int64))
    found = [PATTERNS[number] for number in numbers.numpy()]
    assert found == [(), ("title",), ("artist",), ("artist", "title", "year")]
    assert len(set(PATTERNS)) == 8
