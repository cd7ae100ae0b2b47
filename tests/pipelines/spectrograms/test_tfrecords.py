"""Records of songs."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.spectrograms.tfrecords import (
    count_records,
    naming_damaged_records,
    parse_song,
    serialize_song,
    shard_path,
)
from tests.pipelines.images import pixels

SONG = {
    "song_id": 7,
    "artist": "Beyoncé",
    "title": "Halo",
    "year": 2008,
    "popularity": 82.0,
    "file": "2008/halo.png",
}
AUDIO_FEATURES = np.linspace(-1, 1, 10, dtype="float32")
INPUTS = {
    "spectrogram": pixels(256, 1024),
    "columns": np.array(30_001),
    "statistics": np.linspace(0, 1, STATISTICS, dtype="float32"),
}


def record() -> bytes:
    return serialize_song(SONG, AUDIO_FEATURES, INPUTS)


def test_parsed_song_equals_the_serialized_one() -> None:
    song = parse_song(tf.constant(record()))
    assert song["song_id"] == b"7"
    assert song["artist"].numpy().decode() == "Beyoncé"
    assert song["title"] == b"Halo"
    assert song["year"] == 2008
    assert song["popularity"] == 82.0
    np.testing.assert_array_equal(song["audio_features"], AUDIO_FEATURES)
    for name, value in INPUTS.items():
        np.testing.assert_array_equal(song[name], value)


def test_features_of_a_record_are_sorted_by_name() -> None:
    content = record()
    names = sorted(tf.train.Example.FromString(content).features.feature)
    positions = [content.index(b"\n" + bytes([len(name)]) + name.encode()) for name in names]
    assert positions == sorted(positions)


def test_records_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "songs.tfrecord"
    for count in (0, 3):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(count):
                writer.write(record())
        assert count_records(path) == count


def write_records(path: Path, count: int) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(count):
            writer.write(record())


@pytest.mark.parametrize("lost", [1, 1000, 300_000])
def test_file_that_was_cut_is_named(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "songs.tfrecord"
    write_records(path, 2)
    os.truncate(path, path.stat().st_size - lost)
    with pytest.raises(InputError, match=r"songs\.tfrecord: expected"):
        count_records(path)
    with pytest.raises(InputError, match=r"missing\.tfrecord: .* a missing file"):
        count_records(tmp_path / "missing.tfrecord")


@pytest.mark.parametrize("position", [0, 9, 1000, -2])
def test_damaged_file_is_named(tmp_path: Path, position: int) -> None:
    whole, damaged = tmp_path / "whole.tfrecord", tmp_path / "damaged.tfrecord"
    for path in (whole, damaged):
        write_records(path, 2)
    content = bytearray(damaged.read_bytes())
    content[position] ^= 0xFF
    damaged.write_bytes(content)
    files = [whole, damaged]
    with pytest.raises(InputError, match=r"damaged\.tfrecord: "), naming_damaged_records(files):
        list(tf.data.TFRecordDataset([str(path) for path in files]))


def test_error_without_a_damaged_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "songs.tfrecord"
    write_records(path, 1)
    with pytest.raises(tf.errors.ResourceExhaustedError), naming_damaged_records([path]):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")


def test_shard_path_holds_split_index_and_count() -> None:
    path = shard_path(Path("data"), "train", 3, 12)
    assert path == Path("data/spectrograms/train-00003-of-00012.tfrecord")
