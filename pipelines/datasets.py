"""Datasets that go straight into ``keras.Model.fit``.

All are built in one order: read, cache (text only: pixels stay in the page cache), shuffle,
augment, batch, repeat, prefetch. With a ``seed`` a dataset is endless, shuffled and (if asked)
augmented, for training with ``steps_per_epoch``; without one it is a single pass in a fixed order,
for validation and prediction. Epoch ``e`` of a seed is always the same, so that training can resume
at any epoch through ``first_epoch``.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.augmentation import augment
from pipelines.hiding import Tensors
from pipelines.metadata import TEXTS, MetadataReader
from pipelines.records import count_records, parse_song
from pipelines.words import WORDS
from songpop_tf.config import AugmentationConfig, HidingConfig

SHARDS_AT_ONCE = 4
SHUFFLE_WINDOW = 256
"""Records shuffled with each other: a quarter of a megabyte each."""


def metadata_dataset(
    table: pd.DataFrame,
    reader: MetadataReader,
    batch_size: int,
    *,
    text_features: Callable[[tf.Tensor], npt.NDArray[np.float16]] | None = None,
    seed: int | None = None,
    first_epoch: int = 0,
    hiding: HidingConfig | None = None,
) -> tf.data.Dataset:
    """Batches of ``(inputs of the metadata encoder, popularity (batch,))`` from a table.

    Args:
        table: columns artist, title, year (0 = unknown), popularity and in_large (1 for rows of the
            large set).
        reader: makes the model's inputs from them.
        batch_size: rows in a batch; the last one of an epoch may be smaller.
        text_features: what a frozen transformer makes of tokens ``(batch, tokens)``; computed once
            for each text, and given in place of the tokens.
        seed: shuffle with it and go on without end; None for one pass in the table's order.
        first_epoch: epoch to begin with.
        hiding: what to hide from the network; needs a seed.

    Raises:
        ValueError: hiding without a seed.
    """
    if hiding is not None and seed is None:
        raise ValueError("hiding needs a seed")
    # Cache: tokenised once and held in memory, 200 bytes a row.
    columns = reader.encode_table(table)
    texts = {} if text_features is None else _text_columns(columns, text_features)
    popularity = tf.constant(table.popularity.to_numpy("float32"))
    count = len(popularity)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.range(count)
        if seed is not None:
            order = tf.random.experimental.stateless_shuffle(order, _seed(seed, epoch))
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size).enumerate()
        return batches.map(partial(rows, epoch), num_parallel_calls=tf.data.AUTOTUNE)

    def rows(epoch: tf.Tensor, step: tf.Tensor, index: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        # Rows are gathered a batch at a time, much cheaper than one by one.
        encoded = {key: tf.gather(column, index) for key, column in columns.items()}
        for name, (features, places) in texts.items():
            encoded[name] = tf.cast(tf.gather(features, tf.gather(places, index)), tf.float32)
        return _read_batch(reader, encoded, hiding, seed, epoch, step), tf.gather(popularity, index)

    batches = _epochs(one_epoch, seed, first_epoch, -(-count // batch_size))
    return batches.prefetch(tf.data.AUTOTUNE)


def _text_columns(
    columns: Tensors, text_features: Callable[[tf.Tensor], npt.NDArray[np.float16]]
) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """What a frozen transformer makes of each text, once, and where each row's stands in it."""
    found = {}
    for name in TEXTS:
        tokens, places = np.unique(columns[name].numpy(), axis=0, return_inverse=True)
        features = tf.constant(text_features(tf.constant(tokens)))
        found[name] = (features, tf.constant(places.reshape(-1), tf.int32))
    return found


def _read_batch(
    reader: MetadataReader,
    encoded: Tensors,
    hiding: HidingConfig | None,
    seed: int | None,
    epoch: tf.Tensor,
    step: tf.Tensor,
) -> Tensors:
    if hiding is None or seed is None:
        return reader.inputs(encoded)
    return reader.inputs(encoded, hiding, tf.random.fold_in(_seed(seed, epoch), step))


def spectrogram_dataset(
    shards: Sequence[Path],
    batch_size: int,
    *,
    seed: int | None = None,
    first_epoch: int = 0,
    augmentation: AugmentationConfig | None = None,
    with_sound: bool = False,
) -> tf.data.Dataset:
    """Batches of ``(inputs of the CNN, popularity (batch,))``.

    The inputs are ``spectrogram``, ``(batch, 256, 1024)`` float32 in 0-255, and ``columns``,
    ``(batch,)`` int64: how many its file has, which shrinking would hide.

    Args:
        shards: TFRecord files that preparation wrote.
        batch_size: songs in a batch; the last one of an epoch may be smaller.
        seed: shuffle (and augment) with it, without end; None for one pass in the files' order.
        first_epoch: epoch to begin with.
        augmentation: noise and cover patches; needs a seed.
        with_sound: give ``{"popularity": (batch,), "sound": (batch, 10)}`` in place of the
            popularity: see :func:`pipelines.sound.on_one_scale`.

    Raises:
        ValueError: augmentation without a seed.
    """

    def example(song: Tensors) -> tuple[Tensors, Tensors | tf.Tensor]:
        targets = {name: song[name] for name in ("popularity", "sound")}
        return _heard(song), targets if with_sound else song["popularity"]

    batches = _batches(shards, batch_size, seed, first_epoch, augmentation)
    return batches.map(example).prefetch(tf.data.AUTOTUNE)


def _heard(song: Tensors) -> Tensors:
    """What the CNN reads of a song."""
    return {name: song[name] for name in ("spectrogram", "columns")}


def fused_dataset(
    shards: Sequence[Path],
    reader: MetadataReader,
    batch_size: int,
    *,
    seed: int | None = None,
    first_epoch: int = 0,
    augmentation: AugmentationConfig | None = None,
    hiding: HidingConfig | None = None,
    known: Sequence[Collection[str]] = (WORDS,),
) -> tf.data.Dataset:
    """As :func:`spectrogram_dataset`, with the inputs of the metadata encoder beside the CNN's.

    Args:
        known: which of ``WORDS`` are; a pass over the songs for each of these choices.
    """
    if hiding is not None and seed is None:
        raise ValueError("hiding needs a seed")

    def inputs(shown: tf.Tensor, song: Tensors) -> tuple[Tensors, tf.Tensor]:
        words = (
            tf.where(shown[place], song[word], tf.zeros_like(song[word]))
            for place, word in enumerate(WORDS)
        )
        encoded = reader.encode(*words)
        # An epoch's batches are told apart by their songs.
        batch = tf.reduce_sum(tf.strings.to_hash_bucket_fast(song["song_id"], 2**31 - 1))
        metadata = _read_batch(reader, encoded, hiding, seed, song["epoch"][0], batch)
        return {**_heard(song), **metadata}, song["popularity"]

    batches = _batches(shards, batch_size, seed, first_epoch, augmentation)
    shown = [[word in words for word in WORDS] for words in known]
    passes = tf.data.Dataset.from_tensor_slices(shown).flat_map(
        lambda one: batches.map(partial(inputs, one), num_parallel_calls=tf.data.AUTOTUNE)
    )
    count = batches.cardinality() * (len(known) if seed is None else 1)
    return passes.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)


def _batches(
    shards: Sequence[Path],
    batch_size: int,
    seed: int | None,
    first_epoch: int,
    augmentation: AugmentationConfig | None,
) -> tf.data.Dataset:
    """Batches of songs, read, shuffled and augmented; spectrogram float32 in 0-255."""
    if augmentation is not None and seed is None:
        raise ValueError("augmentation expected a seed, received seed=None")
    names = tf.constant([str(path) for path in shards])

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = None if seed is None else _seed(seed, epoch)
        if epoch_seed is None:
            songs = tf.data.TFRecordDataset(names)
        else:
            # Whole files first, then records within a bounded window: constant memory. No cache:
            # records hold plain pixels, which the operating system keeps in its page cache.
            songs = tf.data.Dataset.from_tensor_slices(
                tf.random.experimental.stateless_shuffle(names, epoch_seed)
            ).interleave(tf.data.TFRecordDataset, cycle_length=SHARDS_AT_ONCE)
            # Not Dataset.shuffle: once TensorFlow has a global seed it takes no tensor as its own.
            songs = songs.batch(SHUFFLE_WINDOW).map(
                lambda records: tf.random.experimental.stateless_shuffle(records, epoch_seed)
            )
            songs = songs.unbatch()
        songs = songs.map(
            lambda record: _read(record, epoch, epoch_seed, augmentation),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        # Inside the epoch, so that no batch holds songs of two epochs.
        return songs.batch(batch_size, num_parallel_calls=tf.data.AUTOTUNE)

    songs = sum(count_records(path) for path in shards)
    return _epochs(one_epoch, seed, first_epoch, -(-songs // batch_size))


def _read(
    record: tf.Tensor,
    epoch: tf.Tensor,
    epoch_seed: tf.Tensor | None,
    augmentation: AugmentationConfig | None,
) -> dict[str, tf.Tensor]:
    song = parse_song(record)
    image = tf.cast(song["spectrogram"], tf.float32)
    if augmentation is not None and epoch_seed is not None:
        # The song's own name, not its place in the shuffled order, picks the augmentation.
        element = tf.strings.to_hash_bucket_fast(song["song_id"], 2**31 - 1)
        image = augment(image, augmentation, tf.random.fold_in(epoch_seed, element))
    return {**song, "spectrogram": image, "epoch": epoch}


def _epochs(
    one_epoch: Callable[[tf.Tensor], tf.data.Dataset],
    seed: int | None,
    first_epoch: int,
    steps: int,
) -> tf.data.Dataset:
    """Epoch after epoch without end; without a seed, epoch 0 once.

    Keras is told how many batches there are: of a dataset of unknown size it would warn that it
    "ran out of data".
    """
    if seed is None:
        once = one_epoch(tf.constant(0, tf.int64))
        return once.apply(tf.data.experimental.assert_cardinality(steps))
    endless = tf.data.Dataset.counter(start=first_epoch).flat_map(one_epoch)
    return endless.apply(
        tf.data.experimental.assert_cardinality(tf.data.experimental.INFINITE_CARDINALITY)
    )


def _seed(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, 0], tf.int64), epoch)
