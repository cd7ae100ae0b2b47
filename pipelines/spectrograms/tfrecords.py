"""TFRecord files of resized spectrograms with the metadata and the targets of each song."""

import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.spectrograms.loading import COLUMNS, ROWS
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.tables.audio_features import AUDIO_FEATURES

SONGS_PER_SHARD = 64

_FEATURE_DESCRIPTION = {
    "song_id": tf.io.FixedLenFeature([], tf.string),
    "artist": tf.io.FixedLenFeature([], tf.string),
    "title": tf.io.FixedLenFeature([], tf.string),
    "year": tf.io.FixedLenFeature([], tf.int64),
    "popularity": tf.io.FixedLenFeature([], tf.float32),
    "columns": tf.io.FixedLenFeature([], tf.int64),
    "audio_features": tf.io.FixedLenFeature([len(AUDIO_FEATURES)], tf.float32),
    "statistics": tf.io.FixedLenFeature([STATISTICS], tf.float32),
    "spectrogram": tf.io.FixedLenFeature([], tf.string),
}


def serialize_song(
    song: Mapping[str, Any],
    audio_features: npt.NDArray[np.float32],
    inputs: Mapping[str, npt.NDArray[Any]],
) -> bytes:
    """Serialize a ``tf.train.Example``.

    Args:
        song: song_id, artist, title (str), year (int, 0 = unknown) and popularity (0-100).
        audio_features: ``(10,)`` from
            `pipelines.tables.audio_features.standardize_audio_features`.
        inputs: of the CNN, see `pipelines.spectrograms.loading.cnn_inputs`.
    """
    feature = {
        "song_id": _bytes_feature(str(song["song_id"]).encode()),
        "artist": _bytes_feature(str(song["artist"]).encode()),
        "title": _bytes_feature(str(song["title"]).encode()),
        "year": _int64_feature(int(song["year"])),
        "popularity": _float_feature([song["popularity"]]),
        "columns": _int64_feature(int(inputs["columns"])),
        "audio_features": _float_feature(audio_features),
        "statistics": _float_feature(inputs["statistics"]),
        "spectrogram": _bytes_feature(inputs["spectrogram"].tobytes()),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # Deterministic: by default each process writes the map of features in an order of its own.
    record: bytes = example.SerializeToString(deterministic=True)
    return record


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64_feature(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float_feature(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=map(float, values)))


def parse_song(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parse a record of `serialize_song`.

    Returns:
        ``song_id``, ``artist``, ``title``: scalar string; ``year``, ``columns``: scalar int64;
        ``popularity``: scalar float32; ``audio_features``: ``(10,)`` float32; ``statistics``:
        ``(STATISTICS,)`` float32; ``spectrogram``: ``(256, 1024)`` uint8.
    """
    song = tf.io.parse_single_example(record, _FEATURE_DESCRIPTION)
    pixels = tf.io.decode_raw(song["spectrogram"], tf.uint8)
    return {**song, "spectrogram": tf.reshape(pixels, [ROWS, COLUMNS])}


def count_records(path: Path) -> int:
    """Count the records of a TFRecord file without reading their content.

    A record is its length (8 bytes), the CRC of the length (4), the content and its CRC (4).
    """
    count = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            (length,) = struct.unpack("<Q", file.read(8))
            file.seek(4 + length + 4, os.SEEK_CUR)
            count += 1
    return count


def shard_path(directory: Path, split: str, index: int, count: int) -> Path:
    """Return ``<directory>/spectrograms/<split>-00003-of-00012.tfrecord``."""
    return directory / "spectrograms" / f"{split}-{index:05d}-of-{count:05d}.tfrecord"
