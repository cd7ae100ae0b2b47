"""Datasets for `fit`: order, seeds, epochs, shapes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.discographies import Discographies
from pipelines.metadata import MetadataReader
from pipelines.records import serialize_song
from pipelines.tokens import MetadataTokenizer, learn_vocabulary
from songpop_tf.config import AugmentationConfig, HidingConfig
from tests.pipelines.images import pixels

SONGS = 11
BATCH = 4
STEPS = 3
TABLE = pd.DataFrame(
    {
        "artist": [f"Artist {number}" for number in range(SONGS)],
        "title": [f"Title {number}" for number in range(SONGS)],
        "year": range(1990, 1990 + SONGS),
        "popularity": np.arange(SONGS, dtype=float),
        "in_large": 0,
    }
)


@pytest.fixture(scope="module")
def reader() -> MetadataReader:
    tokenizer = MetadataTokenizer(learn_vocabulary(TABLE, 200), tokens=12)
    return MetadataReader(tokenizer, Discographies.of(TABLE))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("shards")
    paths = [directory / "a.tfrecord", directory / "b.tfrecord"]
    for path, rows in zip(paths, (TABLE[:6], TABLE[6:]), strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for song in rows.itertuples():
                image = pixels(256, 1024, seed=song.Index)
                described = {"song_id": song.Index, **song._asdict()}
                sound = np.full(10, song.Index, "float32")
                writer.write(serialize_song(described, sound, image.tobytes(), 30_000 + song.Index))
    return paths


def popularity_of_epochs(dataset: tf.data.Dataset, epochs: int) -> list[list[float]]:
    batches = list(dataset.take(STEPS * epochs).as_numpy_iterator())
    return [
        np.concatenate([batch[1] for batch in batches[first : first + STEPS]]).tolist()
        for first in range(0, STEPS * epochs, STEPS)
    ]


@pytest.fixture(params=["metadata", "spectrogram", "fused"])
def make(request: pytest.FixtureRequest, shards: list[Path], reader: MetadataReader):
    """One of the three datasets, waiting for seed and first epoch."""
    return {
        "metadata": lambda **given: metadata_dataset(TABLE, reader, BATCH, **given),
        "spectrogram": lambda **given: spectrogram_dataset(shards, BATCH, **given),
        "fused": lambda **given: fused_dataset(shards, reader, BATCH, **given),
    }[request.param]


def test_without_a_seed_one_pass_in_order(make) -> None:
    popularity = [value for _, batch in make() for value in batch.numpy()]
    assert popularity == list(range(SONGS))


def test_with_a_seed_every_epoch_holds_every_song_in_another_order(make) -> None:
    first, second = popularity_of_epochs(make(seed=1), 2)
    assert sorted(first) == sorted(second) == list(range(SONGS))
    assert first != second


def test_same_seed_same_order_and_any_epoch_can_be_the_first(make) -> None:
    epochs = popularity_of_epochs(make(seed=1), 3)
    assert popularity_of_epochs(make(seed=1), 3) == epochs
    assert popularity_of_epochs(make(seed=1, first_epoch=2), 1) == epochs[2:]
    assert popularity_of_epochs(make(seed=2), 1) != epochs[:1]


def images_by_song(dataset: tf.data.Dataset) -> dict[float, np.ndarray]:
    return {
        song: image
        for inputs, popularity in dataset.take(STEPS)
        for song, image in zip(popularity.numpy(), inputs["spectrogram"].numpy(), strict=True)
    }


def test_augmentation_depends_on_seed_epoch_and_song_alone(shards: list[Path]) -> None:
    def images(seed: int, epoch: int) -> dict[float, np.ndarray]:
        return images_by_song(
            spectrogram_dataset(
                shards, BATCH, seed=seed, first_epoch=epoch, augmentation=AugmentationConfig()
            )
        )

    once, again, later, other = images(1, 0), images(1, 0), images(1, 1), images(2, 0)
    for song in once:
        np.testing.assert_array_equal(once[song], again[song])
        assert not np.array_equal(once[song], later[song])
        assert not np.array_equal(once[song], other[song])


def test_spectrograms_keep_the_scale_of_their_pixels(shards: list[Path]) -> None:
    inputs, _ = next(iter(spectrogram_dataset(shards, BATCH)))
    image = inputs["spectrogram"]
    assert image.shape == (BATCH, 256, 1024)
    assert image.dtype == tf.float32
    np.testing.assert_array_equal(image[0], pixels(256, 1024, seed=0))


def test_length_and_sound_come_with_the_image(shards: list[Path]) -> None:
    inputs, targets = next(iter(spectrogram_dataset(shards, BATCH, with_sound=True)))
    assert inputs["columns"].numpy().tolist() == [30_000, 30_001, 30_002, 30_003]
    assert targets["popularity"].numpy().tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(targets["sound"], np.repeat([[0], [1], [2], [3]], 10, axis=1))


def test_augmentation_needs_a_seed(shards: list[Path]) -> None:
    with pytest.raises(ValueError, match="expected a seed"):
        spectrogram_dataset(shards, BATCH, augmentation=AugmentationConfig())


@pytest.mark.parametrize("name", ["metadata", "fused"])
def test_what_is_hidden_depends_on_seed_and_epoch(
    name: str, shards: list[Path], reader: MetadataReader
) -> None:
    def years(seed: int, epoch: int) -> list[list[int]]:
        given = {"seed": seed, "first_epoch": epoch, "hiding": HidingConfig(years=0.5)}
        dataset = (
            metadata_dataset(TABLE, reader, BATCH, **given)
            if name == "metadata"
            else fused_dataset(shards, reader, BATCH, **given)
        )
        return [inputs["year"].numpy().tolist() for inputs, _ in dataset.take(STEPS)]

    once = years(1, 0)
    assert years(1, 0) == once
    assert 0 < sum(year == 0 for batch in once for year in batch) < SONGS
    assert once not in (years(1, 1), years(2, 0))
    with pytest.raises(ValueError, match="needs a seed"):
        years(None, 0)


def test_features_of_a_frozen_encoder_take_the_place_of_tokens(reader: MetadataReader) -> None:
    def features(tokens: tf.Tensor) -> np.ndarray:
        return tokens.numpy().astype("float16")

    plain = reader.encode_table(TABLE)
    dataset = metadata_dataset(TABLE, reader, SONGS, text_features=features)
    inputs, _ = next(iter(dataset))
    assert inputs["artist"].dtype == tf.float32
    np.testing.assert_array_equal(inputs["artist"], plain["artist"])
    np.testing.assert_array_equal(inputs["title"], plain["title"])
