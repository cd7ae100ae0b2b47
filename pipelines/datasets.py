"""``tf.data`` datasets for ``keras.Model.fit`` and ``predict``.

The order of the steps is: read, shuffle, augment, batch, repeat, prefetch. Metadata is tokenized
once and kept in memory, and masked by the batch, that is, after batching.
With a ``seed``, a dataset is infinite, reshuffled every epoch and (optionally) augmented, for
training with ``steps_per_epoch``; without one, it is a single pass in a fixed order, for validation
and prediction. Epoch ``e`` of a seed is always the same, so that training can resume at any epoch
with ``first_epoch``.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.grayscale import Pixels
from pipelines.config import AugmentationConfig, MaskingConfig
from pipelines.errors import InputError
from pipelines.io import StrPath, to_paths
from pipelines.metadata.length_groups import group_by_length, text_lengths
from pipelines.metadata.masking import Tensors
from pipelines.metadata.preprocessor import TEXT_FIELDS, MetadataPreprocessor
from pipelines.spectrograms.augmentation import augment, mask_length
from pipelines.spectrograms.loading import CNN_INPUTS, ROWS, cnn_inputs
from pipelines.spectrograms.tfrecords import count_records, parse_song

CYCLE_LENGTH = 4
"""Number of shards that are interleaved."""
SHUFFLE_BUFFER = 256
"""Number of records shuffled together, a quarter of a megabyte each."""

EncodeText = Callable[[tf.Tensor], npt.NDArray[np.float16]]
"""Features ``(texts, width)`` of a frozen text encoder from tokens ``(texts, tokens)``."""
MetadataExample = tuple[Tensors, tf.Tensor]


def metadata_dataset(
    table: pd.DataFrame,
    preprocessor: MetadataPreprocessor,
    batch_size: int,
    *,
    encode_text: EncodeText | None = None,
    seed: int | None = None,
    first_epoch: int = 0,
    masking: MaskingConfig | None = None,
) -> tf.data.Dataset:
    """Batches of ``(inputs of the metadata encoder, popularity (batch,))`` from a table.

    Args:
        table: columns artist, title, year (0 = unknown), popularity and is_pretraining (1 for rows
            of the pre-training set).
        preprocessor: makes the model inputs from the table.
        batch_size: number of rows; the last batch of an epoch may be smaller.
        encode_text: frozen text encoder; called once for the distinct artists and once for the
            distinct titles, its features replace the tokens.
        seed: of the infinite, shuffled dataset, whose batches have texts of similar length; None
            for one pass in the table's order.
        first_epoch: epoch at which the infinite dataset starts.
        masking: rates of masked metadata; needs a seed.

    Raises:
        ValueError: masking without a seed.
    """
    _require_seed("masking", masking, seed)
    # Read and cache: the whole table is tokenized once and stays in memory, 200 bytes a row.
    columns = preprocessor.tokenize_table(table)
    text_features = {} if encode_text is None else _encode_distinct_texts(columns, encode_text)
    popularity = tf.constant(table.popularity.to_numpy("float32"))
    row_count = len(popularity)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        # Shuffle: row numbers instead of rows, so that the whole table is shuffled at no cost.
        order = tf.range(row_count)
        if seed is not None:
            epoch_seed = _epoch_seed(seed, epoch)
            order = tf.random.experimental.stateless_shuffle(order, epoch_seed)
            if not text_features:  # features of a frozen encoder need no padding
                lengths = text_lengths(*(columns[name] for name in TEXT_FIELDS))
                order = group_by_length(order, lengths, batch_size, tf.add(epoch_seed, [0, 1]))
        # Batch before augmenting: gathering and masking a batch is far faster than single rows.
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size).enumerate()
        return batches.map(partial(make_batch, epoch), num_parallel_calls=tf.data.AUTOTUNE)

    def make_batch(epoch: tf.Tensor, step: tf.Tensor, rows: tf.Tensor) -> MetadataExample:
        encoded = {name: tf.gather(column, rows) for name, column in columns.items()}
        for name, (features, text_ids) in text_features.items():
            encoded[name] = tf.cast(tf.gather(features, tf.gather(text_ids, rows)), tf.float32)
        # Augment: mask with a seed of the epoch and the step, so that every epoch masks other rows.
        inputs = _metadata_inputs(preprocessor, encoded, masking, seed, epoch, step)
        return inputs, tf.gather(popularity, rows)

    batches = _repeat(one_epoch, seed, first_epoch, math.ceil(row_count / batch_size))
    # Prefetch: prepare the next batches while the model computes.
    return batches.prefetch(tf.data.AUTOTUNE)


def _encode_distinct_texts(
    columns: Tensors, encode_text: EncodeText
) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Return, by field, the features of each distinct text and, for each row, its text's index."""
    text_features = {}
    for name in TEXT_FIELDS:
        tokens, text_ids = np.unique(columns[name].numpy(), axis=0, return_inverse=True)
        features = tf.constant(encode_text(tf.constant(tokens)))
        text_features[name] = (features, tf.constant(text_ids.reshape(-1), tf.int32))
    return text_features


def _metadata_inputs(
    preprocessor: MetadataPreprocessor,
    encoded: Tensors,
    masking: MaskingConfig | None,
    seed: int | None,
    epoch: tf.Tensor,
    batch_id: tf.Tensor,
) -> Tensors:
    """Return the inputs of the metadata encoder; masked by (seed, epoch, batch_id) if requested."""
    if masking is None or seed is None:
        return preprocessor.to_model_inputs(encoded)
    batch_seed = tf.random.fold_in(_epoch_seed(seed, epoch), batch_id)
    return preprocessor.to_model_inputs(encoded, masking, batch_seed)


def spectrogram_dataset(
    shards: StrPath | Sequence[StrPath],
    batch_size: int,
    *,
    seed: int | None = None,
    first_epoch: int = 0,
    augmentation: AugmentationConfig | None = None,
    with_auxiliary_targets: bool = False,
) -> tf.data.Dataset:
    """Batches of ``(inputs of the CNN, popularity (batch,))`` from TFRecord shards.

    The inputs are ``spectrogram``, ``(batch, 256, 1024)`` float32 from 0 to 255; ``columns``,
    ``(batch,)`` int64: the width of the file, which resizing removes from the image, 0 = unknown;
    and ``statistics``, ``(batch, STATISTICS)`` float32 of the image before resizing, which have no
    meaning if the width is unknown.

    Args:
        shards: TFRecord files of prepared data.
        batch_size: number of songs; the last batch of an epoch may be smaller.
        seed: of the infinite, shuffled dataset; None for one pass in the order of the files.
        first_epoch: epoch at which the infinite dataset starts.
        augmentation: noise, cutout patches, SpecAugment masks and unknown lengths; needs a seed.
        with_auxiliary_targets: make the target ``{"popularity": (batch,), "audio_features":
            (batch, 10)}``, see
            `pipelines.tables.audio_features.standardize_audio_features`.

    Raises:
        InputError: there are no shards.
        ValueError: augmentation without a seed.
    """

    def make_example(songs: Tensors) -> tuple[Tensors, Tensors | tf.Tensor]:
        targets = {name: songs[name] for name in ("popularity", "audio_features")}
        return (
            _spectrogram_inputs(songs),
            targets if with_auxiliary_targets else songs["popularity"],
        )

    batches = _song_batches(shards, batch_size, seed, first_epoch, augmentation)
    # Prefetch: prepare the next batches while the model computes.
    return batches.map(make_example).prefetch(tf.data.AUTOTUNE)


def _spectrogram_inputs(songs: Tensors) -> Tensors:
    """Return the inputs of the CNN."""
    return {name: songs[name] for name in CNN_INPUTS}


def audio_dataset(files: StrPath | Sequence[StrPath], batch_size: int) -> tf.data.Dataset:
    """Batches of the inputs of the CNN, read from sound files.

    Args:
        files: sound files, see `pipelines.audio.decoding.read_audio`.
        batch_size: number of songs; the last batch may be smaller.

    Raises:
        tf.errors.OpError: while iterating, for a file that cannot be decoded; its message names
            the file and the reason.
    """

    def load(path: tf.Tensor) -> Tensors:
        image = tf.numpy_function(_audio_image, [path], tf.uint8, stateful=False)
        image.set_shape([ROWS, None])
        inputs = cnn_inputs(image)
        return {**inputs, "spectrogram": tf.cast(inputs["spectrogram"], tf.float32)}

    paths = tf.data.Dataset.from_tensor_slices([str(file) for file in to_paths(files)])
    inputs = paths.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return inputs.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _audio_image(path: bytes) -> Pixels:
    return audio_spectrogram(Path(path.decode()))


def fused_dataset(
    shards: StrPath | Sequence[StrPath],
    preprocessor: MetadataPreprocessor,
    batch_size: int,
    *,
    seed: int | None = None,
    first_epoch: int = 0,
    augmentation: AugmentationConfig | None = None,
    masking: MaskingConfig | None = None,
) -> tf.data.Dataset:
    """Batches of ``(inputs of the CNN and the metadata encoder, popularity (batch,))``.

    Args:
        shards, batch_size, seed, first_epoch, augmentation: as in `spectrogram_dataset`.
        preprocessor: makes the inputs of the metadata encoder from the songs of the shards.
        masking: rates of masked metadata; needs a seed.

    Raises:
        InputError: there are no shards.
        ValueError: augmentation or masking without a seed.
    """
    _require_seed("masking", masking, seed)

    def make_example(songs: Tensors) -> MetadataExample:
        encoded = preprocessor.tokenize(songs["artist"], songs["title"], songs["year"])
        # The songs of a batch identify it within the epoch.
        batch_id = tf.reduce_sum(_hash_song_id(songs["song_id"]))
        epoch = songs["epoch"][0]
        metadata = _metadata_inputs(preprocessor, encoded, masking, seed, epoch, batch_id)
        return {**_spectrogram_inputs(songs), **metadata}, songs["popularity"]

    batches = _song_batches(shards, batch_size, seed, first_epoch, augmentation)
    # Prefetch: prepare the next batches while the model computes.
    batches = batches.map(make_example, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)


def _song_batches(
    shards: StrPath | Sequence[StrPath],
    batch_size: int,
    seed: int | None,
    first_epoch: int,
    augmentation: AugmentationConfig | None,
) -> tf.data.Dataset:
    """Batches of songs as in `parse_song`; spectrogram float32 from 0 to 255, and epoch."""
    _require_seed("augmentation", augmentation, seed)
    paths = to_paths(shards)
    if not paths:
        raise InputError("shards: expected TFRecord files of prepared data, received none")
    files = tf.constant([str(path) for path in paths])

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = None if seed is None else _epoch_seed(seed, epoch)
        # Read and shuffle. No cache: records hold decoded pixels, which the page cache of the
        # operating system keeps.
        if epoch_seed is None:
            records = tf.data.TFRecordDataset(files)
        else:
            records = _shuffled_records(files, epoch_seed)
        # Augment before batching: each image has its own noise and patches.
        songs = records.map(
            lambda record: _parse_and_augment(record, epoch, epoch_seed, augmentation),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        # Batch within the epoch, so that no batch has songs of two epochs.
        return songs.batch(batch_size, num_parallel_calls=tf.data.AUTOTUNE)

    song_count = sum(count_records(path) for path in paths)
    return _repeat(one_epoch, seed, first_epoch, math.ceil(song_count / batch_size))


def _shuffled_records(files: tf.Tensor, epoch_seed: tf.Tensor) -> tf.data.Dataset:
    """Shuffle the files, then their records within a buffer: memory does not grow with the data."""
    shuffled_files = tf.random.experimental.stateless_shuffle(files, epoch_seed)
    records = tf.data.Dataset.from_tensor_slices(shuffled_files).interleave(
        tf.data.TFRecordDataset, cycle_length=CYCLE_LENGTH
    )
    # Not Dataset.shuffle: it does not accept a tensor as seed once TensorFlow has a global seed.
    buffers = records.batch(SHUFFLE_BUFFER).map(
        lambda buffer: tf.random.experimental.stateless_shuffle(buffer, epoch_seed)
    )
    return buffers.unbatch()


def _parse_and_augment(
    record: tf.Tensor,
    epoch: tf.Tensor,
    epoch_seed: tf.Tensor | None,
    augmentation: AugmentationConfig | None,
) -> Tensors:
    song = parse_song(record)
    image, columns = tf.cast(song["spectrogram"], tf.float32), song["columns"]
    if augmentation is not None and epoch_seed is not None:
        # Seeded by the song's id, not its position, so that the shuffled order has no influence.
        image_seed = tf.random.fold_in(epoch_seed, _hash_song_id(song["song_id"]))
        image = augment(image, augmentation, image_seed)
        columns = mask_length(columns, augmentation.unknown_length_rate, image_seed)
    return {**song, "spectrogram": image, "columns": columns, "epoch": epoch}


def _hash_song_id(song_id: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(song_id, 2**31 - 1)


def _repeat(
    one_epoch: Callable[[tf.Tensor], tf.data.Dataset],
    seed: int | None,
    first_epoch: int,
    steps: int,
) -> tf.data.Dataset:
    """Repeat epochs infinitely with a seed; otherwise, return epoch 0.

    Not Dataset.repeat: the shuffle and the augmentation of an epoch depend on its number.

    The cardinality is set because Keras warns that a dataset of unknown cardinality "ran out of
    data".
    """
    if seed is None:
        single_pass = one_epoch(tf.constant(0, tf.int64))
        return single_pass.apply(tf.data.experimental.assert_cardinality(steps))
    infinite = tf.data.Dataset.counter(start=first_epoch).flat_map(one_epoch)
    return infinite.apply(
        tf.data.experimental.assert_cardinality(tf.data.experimental.INFINITE_CARDINALITY)
    )


def _epoch_seed(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, 0], tf.int64), epoch)


def _require_seed(name: str, config: object, seed: int | None) -> None:
    if config is not None and seed is None:
        raise ValueError(f"{name} expected a seed, received seed=None")
