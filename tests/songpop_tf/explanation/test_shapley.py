"""Shapley values and the waterfall."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from songpop_tf.explanation.shapley import (
    known_fields,
    shapley_values,
    subset_variants,
    waterfall,
)
from songpop_tf.serving.song import Song

SONG = Song("A", "B", 1977, Path("song.png"))


def test_subsets_blank_the_unknown_fields() -> None:
    subsets = subset_variants(SONG)
    assert len(subsets) == 16
    assert subsets[frozenset()] == subset_variants(Song(year=1977))[frozenset()]
    one = subsets[frozenset({"year", "sound"})]
    assert (one.artist, one.title, one.year, one.has_sound) == ("", "", 1977, True)
    assert known_fields(Song(title="B", artist=" ")) == ("title",)
    assert len(subset_variants(Song("A", "B", 1977))) == 8


def test_values_are_the_mean_changes_over_all_orders() -> None:
    rng = np.random.default_rng(0)
    popularity = {fields: rng.uniform(0, 100) for fields in subset_variants(SONG)}
    orders = list(permutations(("year", "artist", "title", "sound")))
    expected = dict.fromkeys(orders[0], 0.0)
    for order in orders:
        for index, field in enumerate(order):
            before = frozenset(order[:index])
            change = popularity[before | {field}] - popularity[before]
            expected[field] += change / len(orders)
    values = shapley_values(popularity)
    assert values == pytest.approx(expected)
    total = popularity[frozenset(orders[0])] - popularity[frozenset()]
    assert sum(values.values()) == pytest.approx(total)
    assert sum(waterfall(popularity).values()) == pytest.approx(total)
    assert list(waterfall(popularity)) == ["year", "artist", "title", "sound"]
