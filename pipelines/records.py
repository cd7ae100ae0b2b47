"""Shrunk spectrograms in TFRecord files, each song with its metadata."""

import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.sound import SOUND
from pipelines.spectrogram import COLUMNS, ROWS

SONGS_PER_SHARD = 64

_FEATURES = {
    "song_id": tf.io.FixedLenFeature([], tf.string),
    "artist": tf.io.FixedLenFeature([], tf.string),
    "title": tf.io.FixedLenFeature([], tf.string),
    "year": tf.io.FixedLenFeature([], tf.int64),
    "popularity": tf.io.FixedLenFeature([], tf.float32),
    "columns": tf.io.FixedLenFeature([], tf.int64),
    "sound": tf.io.FixedLenFeature([len(SOUND)], tf.float32),
    "spectrogram": tf.io.FixedLenFeature([], tf.string),
}


def serialize_song(
    song: Mapping[str, Any], sound: npt.NDArray[np.float32], pixels: bytes, columns: int
) -> bytes:
    """Make one record.

    Args:
        song: song_id, artist, title (str), year (int, 0 = unknown) and popularity (0-100).
        sound: ``(10,)`` from :func:`pipelines.sound.on_one_scale`.
        pixels: the ``(256, 1024)`` uint8 image, row by row.
        columns: of the file that it was made of.
    """
    feature = {
        "song_id": _bytes(str(song["song_id"]).encode()),
        "artist": _bytes(str(song["artist"]).encode()),
        "title": _bytes(str(song["title"]).encode()),
        "year": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(song["year"])])),
        "popularity": _floats([song["popularity"]]),
        "columns": tf.train.Feature(int64_list=tf.train.Int64List(value=[columns])),
        "sound": _floats(sound),
        "spectrogram": _bytes(pixels),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # Else every process has an order of its own for the features: other bytes for the same song.
    record: bytes = example.SerializeToString(deterministic=True)
    return record


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=map(float, values)))


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def parse_song(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """Read one record: what :func:`serialize_song` took, ``spectrogram`` for the pixels."""
    song = tf.io.parse_single_example(record, _FEATURES)
    pixels = tf.io.decode_raw(song["spectrogram"], tf.uint8)
    return {**song, "spectrogram": tf.reshape(pixels, [ROWS, COLUMNS])}


def count_records(path: Path) -> int:
    """Records of a TFRecord file, by hopping from length to length without reading them."""
    count = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            (length,) = struct.unpack("<Q", file.read(8))
            file.seek(4 + length + 4, os.SEEK_CUR)  # checksum of the length, record, its checksum
            count += 1
    return count


def shard_path(directory: Path, split: str, number: int, of: int) -> Path:
    """Where a shard lies: ``spectrograms/<split>-00003-of-00012.tfrecord``."""
    return directory / "spectrograms" / f"{split}-{number:05d}-of-{of:05d}.tfrecord"
