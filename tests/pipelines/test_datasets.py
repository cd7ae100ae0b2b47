"""Datasets for `fit`: order, seeds, epochs, shapes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.metadata import MetadataTokenizer, learn_vocabulary
from pipelines.records import serialize_song
from songpop_tf.config import AugmentationConfig
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
    }
)


@pytest.fixture(scope="module")
def tokenizer() -> MetadataTokenizer:
    return MetadataTokenizer(learn_vocabulary(TABLE, 200), tokens=12)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("shards")
    paths = [directory / "a.tfrecord", directory / "b.tfrecord"]
    for path, rows in zip(paths, (TABLE[:6], TABLE[6:]), strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for song in rows.itertuples():
                image = pixels(256, 1024, seed=song.Index)
                writer.write(
                    serialize_song({"song_id": song.Index, **song._asdict()}, image.tobytes())
                )
    return paths


def popularity_of_epochs(dataset: tf.data.Dataset, epochs: int) -> list[list[float]]:
    batches = list(dataset.take(STEPS * epochs).as_numpy_iterator())
    return [
        np.concatenate([batch[1] for batch in batches[first : first + STEPS]]).tolist()
        for first in range(0, STEPS * epochs, STEPS)
    ]


@pytest.fixture(params=["metadata", "spectrogram", "fused"])
def make(request: pytest.FixtureRequest, shards: list[Path], tokenizer: MetadataTokenizer):
    """One of the three datasets, waiting for seed and first epoch."""
    return {
        "metadata": lambda **given: metadata_dataset(TABLE, tokenizer, BATCH, **given),
        "spectrogram": lambda **given: spectrogram_dataset(shards, BATCH, **given),
        "fused": lambda **given: fused_dataset(shards, tokenizer, BATCH, **given),
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


def test_augmentation_needs_a_seed(shards: list[Path]) -> None:
    with pytest.raises(ValueError, match="expected a seed"):
        spectrogram_dataset(shards, BATCH, augmentation=AugmentationConfig())


def test_sequences_are_cut_to_the_longest_of_their_batch(tokenizer: MetadataTokenizer) -> None:
    whole = tokenizer.encode(TABLE)
    longest = int(whole["padding_mask"].sum(axis=1).max())
    assert longest < tokenizer.tokens
    inputs, _ = next(iter(metadata_dataset(TABLE, tokenizer, SONGS)))
    assert inputs["token_ids"].shape == (SONGS, longest)
    np.testing.assert_array_equal(inputs["token_ids"], whole["token_ids"][:, :longest])
