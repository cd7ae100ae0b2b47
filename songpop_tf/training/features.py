"""What frozen branches find in songs, computed once for all epochs of the head on top of them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Examples = tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Features by name, and popularity."""


def features_of(
    branches: keras.Model, dataset: tf.data.Dataset, progress: Callable[[int], None]
) -> Examples:
    """Run both branches over a dataset of (inputs, popularity).

    Args:
        branches: the part of that name of a fusion model.
        dataset: finite.
        progress: is told after each batch how many songs are done.
    """
    # One trace for texts of any length, which predict_on_batch would trace each anew.
    find = tf.function(lambda inputs: branches(inputs, training=False), [dataset.element_spec[0]])
    batches = []
    done = 0
    for inputs, popularity in dataset:
        found = {name: value.numpy() for name, value in find(inputs).items()}
        batches.append((found, popularity.numpy()))
        done += len(popularity)
        progress(done)
    return joined(batches)


def joined(examples: list[Examples]) -> Examples:
    """One after the other."""
    features, popularity = zip(*examples, strict=True)
    names = features[0]
    return {name: np.concatenate([one[name] for one in features]) for name in names}, (
        np.concatenate(popularity)
    )


def endless_epochs(examples: Examples, batch_size: int, seed: int, first: int) -> tf.data.Dataset:
    """Epoch after epoch of batches, each shuffled anew, from epoch ``first`` on."""
    count = len(examples[1])
    table = tf.nest.map_structure(tf.constant, examples)

    def batch_of(rows: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda column: tf.gather(column, rows), table)

    # Numbers are shuffled and whole batches picked: rows one by one take longer than the training.
    one_epoch = tf.data.Dataset.range(count).shuffle(count, seed=seed).batch(batch_size)
    return one_epoch.repeat().skip(first * -(-count // batch_size)).map(batch_of)
