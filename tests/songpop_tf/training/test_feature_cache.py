"""Cached features: endless shuffled batches for the training of the head."""

import itertools

import numpy as np

from songpop_tf.training.feature_cache import Examples, feature_dataset

ROWS, BATCH = 10, 4
STEPS = 3


def examples() -> Examples:
    numbers = np.arange(ROWS, dtype="float32")
    return {"popularity": numbers[:, None], "tenfold": 10 * numbers}, numbers


def epochs(first: int, count: int) -> list[list[float]]:
    """The popularity of the songs in each epoch; their features are checked."""
    batches = feature_dataset(examples(), BATCH, seed=3, first_epoch=first).as_numpy_iterator()
    by_epoch = []
    for _ in range(count):
        epoch: list[float] = []
        for features, popularity in itertools.islice(batches, STEPS):
            np.testing.assert_array_equal(features["popularity"][:, 0], popularity)
            np.testing.assert_array_equal(features["tenfold"], 10 * popularity)
            epoch.extend(popularity)
        by_epoch.append(epoch)
    return by_epoch


def test_every_epoch_has_every_song_once_in_another_order() -> None:
    by_epoch = epochs(0, 3)
    assert [sorted(epoch) for epoch in by_epoch] == [list(range(ROWS))] * 3
    assert by_epoch[0] != by_epoch[1] != by_epoch[2]


def test_later_epoch_does_not_depend_on_where_the_dataset_begins() -> None:
    assert epochs(2, 1) == epochs(0, 3)[2:]
