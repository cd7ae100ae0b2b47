"""Conversion of image files to shards: order, rejections, resuming."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.io import read_json
from pipelines.source_folders import SourceFolders
from pipelines.spectrograms import shards as shards_module
from pipelines.spectrograms.shards import Shard, image_error, plan_shards, write_shards
from pipelines.spectrograms.tfrecords import SONGS_PER_SHARD, parse_song
from pipelines.tables.audio_features import AUDIO_FEATURES
from tests.pipelines.images import encode_image, pixels, write_png


def song_table(splits: list[str]) -> pd.DataFrame:
    count = len(splits)
    return pd.DataFrame(
        {
            "song_id": [str(number) for number in range(count)],
            "artist": "Artist",
            "title": "Title",
            "year": 2000,
            "popularity": 50.0,
            "split": splits,
            "file": [f"{number}.png" for number in range(count)],
            **dict.fromkeys(AUDIO_FEATURES, 0.5),
        }
    )


@pytest.fixture
def image_dir(tmp_path: Path) -> Path:
    for number in range(4):
        write_png(tmp_path / "images" / f"{number}.png", pixels(64, 100 + number, seed=number))
    return tmp_path / "images"


@pytest.fixture
def shards(tmp_path: Path) -> list[Shard]:
    return plan_shards(song_table(["train", "test", "train", "train"]), tmp_path / "data")


def song_ids(shard: Shard) -> list[str]:
    records = tf.data.TFRecordDataset(str(shard.path))
    return [parse_song(record)["song_id"].numpy().decode() for record in records]


def ignore_progress(count: int) -> None:
    """Show nothing."""


def test_songs_are_divided_by_split_in_order(tmp_path: Path) -> None:
    songs = song_table(["train", "test"] * (SONGS_PER_SHARD + 1))
    test, test_rest, train, train_rest = plan_shards(songs, tmp_path)
    assert [shard.split for shard in (test, test_rest, train, train_rest)] == [
        "test",
        "test",
        "train",
        "train",
    ]
    assert train.path.name == "train-00000-of-00002.tfrecord"
    assert len(train.songs) == SONGS_PER_SHARD
    pd.testing.assert_frame_equal(
        pd.concat([train.songs, train_rest.songs]), songs[songs.split == "train"]
    )
    pd.testing.assert_frame_equal(
        pd.concat([test.songs, test_rest.songs]), songs[songs.split == "test"]
    )


def test_records_are_in_the_order_of_the_songs(image_dir: Path, shards: list[Shard]) -> None:
    counts: list[int] = []
    assert write_shards(shards, SourceFolders(image_dir), counts.append) == {}
    assert counts == [0, 1, 3]
    assert [song_ids(shard) for shard in shards] == [["1"], ["0", "2", "3"]]
    song = parse_song(next(iter(tf.data.TFRecordDataset(str(shards[0].path)))))
    assert song["columns"] == 101
    assert song["spectrogram"].shape == (256, 1024)


def test_bad_images_are_excluded_and_reported(image_dir: Path, shards: list[Shard]) -> None:
    (image_dir / "0.png").write_bytes(b"no image")
    (image_dir / "2.png").unlink()
    write_png(image_dir / "3.png", np.full((256, 300), 7, "uint8"))
    rejections = write_shards(shards, SourceFolders(image_dir), ignore_progress)
    assert set(rejections) == {"0.png", "2.png", "3.png"}
    assert "received a blank image" in rejections["3.png"]
    assert "expected a PNG file" in rejections["0.png"]
    assert "expected a readable file" in rejections["2.png"]
    assert song_ids(shards[1]) == []
    assert read_json(shards[1].rejections_path) == rejections


def test_finished_shards_are_not_written_again(
    image_dir: Path, shards: list[Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    (image_dir / "1.png").write_bytes(b"no image")
    rejections = write_shards(shards, SourceFolders(image_dir), ignore_progress)
    monkeypatch.setattr(shards_module, "load_spectrogram", pytest.fail)
    counts: list[int] = []
    assert write_shards(shards, SourceFolders(image_dir), counts.append) == rejections
    assert counts == [4]


def test_image_that_failed_for_a_temporary_reason_is_loaded_again(
    image_dir: Path, shards: list[Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_png = shards_module._load_png
    calls = []

    def fail_first(path: tf.Tensor) -> dict[str, tf.Tensor]:
        calls.append(path)
        if len(calls) == 1:  # while it is traced: every call of the graph fails
            tf.debugging.Assert(False, ["busy"])
        return load_png(path)

    monkeypatch.setattr(shards_module, "_load_png", fail_first)
    assert write_shards(shards, SourceFolders(image_dir), ignore_progress) == {}
    assert song_ids(shards[1]) == ["0", "2", "3"]


def test_image_error_names_the_reason(tmp_path: Path) -> None:
    path = write_png(tmp_path / "image.png", pixels(64, 100))
    assert image_error(path) == ""
    assert "expected a readable file" in image_error(tmp_path / "missing.png")
    content = encode_image(pixels(256, 300))
    path.write_bytes(content[:200] + bytes(100) + content[300:])
    assert "can be decoded" in image_error(path)
    path.write_bytes(b"")
    assert image_error(path) == "expected a PNG file, received an empty file"
    write_png(path, np.zeros((20, 300), "uint8"))
    assert "20 x 300" in image_error(path)
