"""TFRecord files of resized spectrograms with the metadata and the targets of each song."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.spectrograms.loading import COLUMNS, ROWS
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.tables.audio_features import AUDIO_FEATURES

SONGS_PER_SHARD = 64

_REMEDY = "copy the prepared data again, or prepare again"
_EXPECTED = f"records of songs ({_REMEDY})"

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
        inputs: of the CNN, see `pipelines.spectrograms.loading.file_inputs`.
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

    Raises:
        InputError: the file is missing, or does not end with the end of a record.
    """
    count = end = 0
    with reading(path, _EXPECTED), path.open("rb") as file:
        size = path.stat().st_size
        while end < size:
            file.seek(end)
            (length,) = struct.unpack("<Q", file.read(8))
            end += 8 + 4 + length + 4
            count += 1
        if end > size:
            raise InputError(f"{path}: expected {end} bytes or more, received {size}; {_REMEDY}")
    return count


@contextmanager
def naming_damaged_records(paths: Sequence[Path]) -> Iterator[None]:
    """Name the file of TensorFlow's error while datasets of TFRecord files are read.

    Args:
        paths: the files that are read.

    Raises:
        InputError: TensorFlow failed, and one of the files is damaged.
    """
    try:
        yield
    except tf.errors.OpError:
        for path in paths:
            _check_records(path)
        raise


def _check_records(path: Path) -> None:
    """Read all records of a file.

    Raises:
        InputError: one is damaged.
    """
    with reading(path, _EXPECTED):
        for record in tf.data.TFRecordDataset(str(path)):
            parse_song(record)


def shard_path(directory: Path, split: str, index: int, count: int) -> Path:
    """Return ``<directory>/spectrograms/<split>-00003-of-00012.tfrecord``."""
    return directory / "spectrograms" / f"{split}-{index:05d}-of-{count:05d}.tfrecord"
