"""Rows of similar length share a batch; all else remains random."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.metadata.length_groups import group_by_length, text_lengths

ROWS, BATCH_SIZE = 5010, 16


@pytest.fixture(scope="module")
def lengths() -> tf.Tensor:
    generator = np.random.default_rng(0)
    return tf.constant(generator.integers(1, 17, (ROWS, 2)), tf.int32)


def grouped(lengths: tf.Tensor, seed: int) -> np.ndarray:
    order = tf.random.experimental.stateless_shuffle(tf.range(ROWS), [seed, 0])
    result: np.ndarray = group_by_length(order, lengths, BATCH_SIZE, tf.constant([seed, 1])).numpy()
    return result


def test_each_row_occurs_once(lengths: tf.Tensor) -> None:
    assert sorted(grouped(lengths, 0)) == list(range(ROWS))


def test_batches_need_less_padding(lengths: tf.Tensor) -> None:
    complete = ROWS // BATCH_SIZE * BATCH_SIZE
    by_batch = lengths.numpy()[grouped(lengths, 0)[:complete]].reshape(-1, BATCH_SIZE, 2)
    longest, needed = by_batch.max(axis=1).mean(axis=0), lengths.numpy().mean(axis=0)
    assert (longest < needed + np.array([1.5, 6.5])).all(), "random batches are padded to 16 tokens"


def test_order_of_batches_does_not_depend_on_length(lengths: tf.Tensor) -> None:
    complete = ROWS // BATCH_SIZE * BATCH_SIZE
    artist = lengths.numpy()[grouped(lengths, 0)[:complete], 0].reshape(-1, BATCH_SIZE).mean(axis=1)
    halves = np.array_split(artist, 2)
    assert abs(halves[0].mean() - halves[1].mean()) < 1
    assert abs(np.corrcoef(artist[1:], artist[:-1])[0, 1]) < 0.2


def test_other_seed_makes_other_batches(lengths: tf.Tensor) -> None:
    assert (grouped(lengths, 3) == grouped(lengths, 3)).all()
    batches = [
        {frozenset(batch) for batch in np.array_split(grouped(lengths, seed), ROWS // BATCH_SIZE)}
        for seed in range(2)
    ]
    assert not batches[0] & batches[1]


@pytest.mark.parametrize("rows", [1, 15, 16, 17])
def test_tables_smaller_than_a_batch_or_two(rows: int) -> None:
    lengths = tf.constant(np.arange(2 * rows).reshape(rows, 2) % 5, tf.int32)
    order = tf.range(rows)[::-1]
    order_by_length = group_by_length(order, lengths, BATCH_SIZE, tf.constant([0, 0])).numpy()
    assert sorted(order_by_length) == list(range(rows))


def test_lengths_of_padded_texts() -> None:
    artist = tf.constant([[5, 7, 0], [0, 0, 0]])
    title = tf.constant([[5, 0], [8, 9]])
    assert text_lengths(artist, title).numpy().tolist() == [[2, 1], [0, 2]]
