"""Features of frozen branches, computed once for all epochs of the head that is trained on them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.datasets import fused_dataset
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import RunConfig

BATCH_SIZE = 32
UNMASKED_PASSES, MASKED_PASSES = 3, 4
"""How often an epoch of the head shows each song: with all fields known, and masked."""

Examples = tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Features by name ``(songs, n)``, and popularity ``(songs,)``."""


def cache_features(
    branches: keras.Model,
    preprocessor: MetadataPreprocessor,
    data: PreparedData,
    config: RunConfig,
    progress: Callable[[str, int, int], None],
) -> tuple[Examples, Examples]:
    """Features of the training and validation songs by the frozen branches.

    Training songs also come masked, so that the head learns what to rely on without a field.

    Args:
        branches: the layer ``branches`` of a fusion model.
        preprocessor: of the text branch.
        data: holds the songs.
        config: seed, augmentation and masking of the head's training.
        progress: called with a label, the number of songs done, and of all.
    """
    dataset = partial(fused_dataset, preprocessor=preprocessor, batch_size=BATCH_SIZE)
    train_shards, train_songs = data.shards_of(TRAIN), len(data.songs_of(TRAIN))
    masked_dataset = dataset(
        train_shards,
        seed=config.seed,
        augmentation=config.augmentation,
        masking=config.head_masking,
    ).take(MASKED_PASSES * -(-train_songs // BATCH_SIZE))

    def extract(label: str, songs: int, dataset: tf.data.Dataset) -> Examples:
        label = f"combined: features of {label}"
        return extract_features(branches, dataset, lambda done: progress(label, done, songs))

    unmasked = extract("training songs", train_songs, dataset(train_shards))
    masked = extract("masked training songs", MASKED_PASSES * train_songs, masked_dataset)
    validation = extract(
        "validation songs", len(data.songs_of(VALIDATION)), dataset(data.shards_of(VALIDATION))
    )
    return concatenate_examples([*[unmasked] * UNMASKED_PASSES, masked]), validation


def extract_features(
    branches: keras.Model, dataset: tf.data.Dataset, progress: Callable[[int], None]
) -> Examples:
    """Run both branches over a dataset of (inputs, popularity).

    Args:
        branches: the layer ``branches`` of a fusion model.
        dataset: finite.
        progress: called after each batch with the number of songs done.
    """
    # One trace for texts of any length; predict_on_batch would trace each length.
    extract = tf.function(
        lambda inputs: branches(inputs, training=False), [dataset.element_spec[0]]
    )
    batches = []
    done = 0
    for inputs, popularity in dataset:
        features = {name: value.numpy() for name, value in extract(inputs).items()}
        batches.append((features, popularity.numpy()))
        done += len(popularity)
        progress(done)
    return concatenate_examples(batches)


def concatenate_examples(examples: list[Examples]) -> Examples:
    """Concatenate along the songs."""
    features, popularity = zip(*examples, strict=True)
    return (
        {name: np.concatenate([part[name] for part in features]) for name in features[0]},
        np.concatenate(popularity),
    )


def feature_dataset(
    examples: Examples, batch_size: int, *, seed: int, first_epoch: int
) -> tf.data.Dataset:
    """Endless batches, reshuffled in each epoch, from ``first_epoch`` on."""
    count = len(examples[1])
    table = tf.nest.map_structure(tf.constant, examples)

    def gather_batch(rows: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda column: tf.gather(column, rows), table)

    # Shuffling row numbers and gathering whole batches: row by row would take longer than training.
    epoch = tf.data.Dataset.range(count).shuffle(count, seed=seed).batch(batch_size)
    steps = -(-count // batch_size)
    return epoch.repeat().skip(first_epoch * steps).map(gather_batch)
