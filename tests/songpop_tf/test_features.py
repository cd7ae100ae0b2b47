"""Features that are computed once: the endless batches of the head's training."""

import itertools

import numpy as np

from songpop_tf.training.features import Examples, endless_epochs

ROWS, BATCH = 10, 4
STEPS = 3


def examples() -> Examples:
    numbers = np.arange(ROWS, dtype="float32")
    return {"popularity": numbers[:, None], "tenfold": 10 * numbers}, numbers


def epochs(first: int, count: int) -> list[list[float]]:
    """The popularity of the songs in each epoch, after a look at their features."""
    taken = endless_epochs(examples(), BATCH, seed=3, first=first).as_numpy_iterator()
    found = []
    for _ in range(count):
        epoch: list[float] = []
        for features, popularity in itertools.islice(taken, STEPS):
            np.testing.assert_array_equal(features["popularity"][:, 0], popularity)
            np.testing.assert_array_equal(features["tenfold"], 10 * popularity)
            epoch.extend(popularity)
        found.append(epoch)
    return found


def test_every_epoch_has_every_song_once_and_in_another_order() -> None:
    found = epochs(0, 3)
    assert [sorted(epoch) for epoch in found] == [list(range(ROWS))] * 3
    assert found[0] != found[1] != found[2]


def test_a_later_epoch_is_the_same_whether_or_not_those_before_were_seen() -> None:
    assert epochs(2, 1) == epochs(0, 3)[2:]
