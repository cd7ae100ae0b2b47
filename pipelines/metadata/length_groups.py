"""Batches of texts of similar length, which need less padding."""

import tensorflow as tf

from pipelines.metadata.tokenizer import PAD_ID

_WINDOW_BATCHES = 64
"""Rows are grouped by length within this many batches of the shuffled order: enough that a batch is
nearly of one length, and of a large table few enough that other rows meet in each epoch."""
_MIN_WINDOWS = 8
"""A small table has smaller windows."""


def group_by_length(
    order: tf.Tensor, lengths: tf.Tensor, batch_size: int, seed: tf.Tensor
) -> tf.Tensor:
    """Reorder shuffled rows so that consecutive batches have rows of similar length.

    Which rows a batch takes remains random within a window of many batches, and so does the order
    of the batches in the epoch. An incomplete batch remains the last.

    Args:
        order: ``(rows,)`` int32, shuffled row numbers.
        lengths: ``(rows, texts)`` int32 by row number, from `text_lengths`.
        batch_size: number of rows.
        seed: ``(2,)`` integers.

    Returns:
        ``(rows,)`` int32, a permutation of ``order``.
    """
    rows = order.shape[0]
    batches = rows // batch_size
    window = batch_size * max(1, min(_WINDOW_BATCHES, batches // _MIN_WINDOWS))
    # By the first text, then by the second; stable, so that equal lengths remain shuffled.
    key = tf.range(rows) // window
    for text in tf.unstack(lengths, axis=1):
        key = key * (tf.reduce_max(text) + 1) + tf.gather(text, order)
    grouped = tf.gather(order, tf.argsort(key, stable=True))
    complete = tf.reshape(grouped[: batches * batch_size], [batches, batch_size])
    complete = tf.random.experimental.stateless_shuffle(complete, seed)
    return tf.concat([tf.reshape(complete, [-1]), grouped[batches * batch_size :]], axis=0)


def text_lengths(*texts: tf.Tensor) -> tf.Tensor:
    """Lengths of texts that were tokenized, ``(rows, texts)`` int32.

    Args:
        texts: ``(rows, tokens)`` int32 each.
    """
    lengths = [tf.math.count_nonzero(text != PAD_ID, axis=1, dtype=tf.int32) for text in texts]
    return tf.stack(lengths, axis=1)
