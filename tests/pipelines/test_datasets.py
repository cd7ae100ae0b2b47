"""Datasets for `fit`: order, seeds, epochs, shapes, masking."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.config import AugmentationConfig, MaskingConfig
from pipelines.datasets import (
    audio_dataset,
    fused_dataset,
    metadata_dataset,
    spectrogram_dataset,
)
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary
from pipelines.spectrograms.loading import cnn_inputs
from pipelines.spectrograms.statistics import STATISTICS
from pipelines.spectrograms.tfrecords import serialize_song
from tests.pipelines.audio.signals import chirp
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
        "is_pretraining": 0,
    }
)


@pytest.fixture(scope="module")
def preprocessor() -> MetadataPreprocessor:
    tokenizer = MetadataTokenizer(train_vocabulary(TABLE, 200), tokens=12)
    return MetadataPreprocessor(tokenizer, ArtistHistory.from_table(TABLE))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("shards")
    paths = [directory / "a.tfrecord", directory / "b.tfrecord"]
    for path, rows in zip(paths, (TABLE[:6], TABLE[6:]), strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for song in rows.itertuples():
                image = pixels(256, 1024, seed=song.Index)
                fields = {"song_id": song.Index, **song._asdict()}
                features = np.full(10, song.Index, "float32")
                inputs = {
                    "spectrogram": image,
                    "columns": np.array(30_000 + song.Index),
                    "statistics": np.full(STATISTICS, song.Index, "float32"),
                }
                writer.write(serialize_song(fields, features, inputs))
    return paths


def popularity_of_epochs(dataset: tf.data.Dataset, epochs: int) -> list[list[float]]:
    batches = list(dataset.take(STEPS * epochs).as_numpy_iterator())
    return [
        np.concatenate([batch[1] for batch in batches[first : first + STEPS]]).tolist()
        for first in range(0, STEPS * epochs, STEPS)
    ]


@pytest.fixture(params=["metadata", "spectrogram", "fused"])
def make_dataset(
    request: pytest.FixtureRequest, shards: list[Path], preprocessor: MetadataPreprocessor
):
    """A function that makes one of the three datasets from its keyword arguments."""
    return {
        "metadata": lambda **settings: metadata_dataset(TABLE, preprocessor, BATCH, **settings),
        "spectrogram": lambda **settings: spectrogram_dataset(shards, BATCH, **settings),
        "fused": lambda **settings: fused_dataset(shards, preprocessor, BATCH, **settings),
    }[request.param]


def test_dataset_without_seed_is_one_pass_in_order(make_dataset) -> None:
    popularity = [value for _, batch in make_dataset() for value in batch.numpy()]
    assert popularity == list(range(SONGS))


def test_seeded_epochs_have_every_song_in_different_order(make_dataset) -> None:
    first, second = popularity_of_epochs(make_dataset(seed=1), 2)
    assert sorted(first) == sorted(second) == list(range(SONGS))
    assert first != second


def test_same_seed_gives_same_order_from_any_first_epoch(make_dataset) -> None:
    epochs = popularity_of_epochs(make_dataset(seed=1), 3)
    assert popularity_of_epochs(make_dataset(seed=1), 3) == epochs
    assert popularity_of_epochs(make_dataset(seed=1, first_epoch=2), 1) == epochs[2:]
    assert popularity_of_epochs(make_dataset(seed=2), 1) != epochs[:1]


def images_by_song(dataset: tf.data.Dataset) -> dict[float, np.ndarray]:
    return {
        song: image
        for inputs, popularity in dataset.take(STEPS)
        for song, image in zip(popularity.numpy(), inputs["spectrogram"].numpy(), strict=True)
    }


def test_augmentation_depends_only_on_seed_epoch_and_song(shards: list[Path]) -> None:
    def images(seed: int, epoch: int) -> dict[float, np.ndarray]:
        return images_by_song(
            spectrogram_dataset(
                shards, BATCH, seed=seed, first_epoch=epoch, augmentation=AugmentationConfig()
            )
        )

    first, repeated = images(1, 0), images(1, 0)
    other_epoch, other_seed = images(1, 1), images(2, 0)
    for song in first:
        np.testing.assert_array_equal(first[song], repeated[song])
        assert not np.array_equal(first[song], other_epoch[song])
        assert not np.array_equal(first[song], other_seed[song])


def test_spectrograms_keep_the_range_of_their_pixels(shards: list[Path]) -> None:
    inputs, _ = next(iter(spectrogram_dataset(shards, BATCH)))
    image = inputs["spectrogram"]
    assert image.shape == (BATCH, 256, 1024)
    assert image.dtype == tf.float32
    np.testing.assert_array_equal(image[0], pixels(256, 1024, seed=0))


def test_other_inputs_and_audio_features_accompany_the_image(shards: list[Path]) -> None:
    inputs, targets = next(iter(spectrogram_dataset(shards, BATCH, with_auxiliary_targets=True)))
    assert inputs["columns"].numpy().tolist() == [30_000, 30_001, 30_002, 30_003]
    assert inputs["statistics"][:, 0].numpy().tolist() == [0, 1, 2, 3]
    assert targets["popularity"].numpy().tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(
        targets["audio_features"], np.repeat([[0], [1], [2], [3]], 10, axis=1)
    )


def test_augmentation_hides_the_length_of_some_songs(shards: list[Path]) -> None:
    def hidden(rate: float) -> int:
        augmentation = AugmentationConfig(unknown_length_rate=rate)
        songs = spectrogram_dataset(shards, BATCH, seed=1, augmentation=augmentation).take(STEPS)
        return sum(int(width == 0) for inputs, _ in songs for width in inputs["columns"].numpy())

    assert hidden(0.0) == 0
    assert 0 < hidden(0.5) < SONGS


def test_augmentation_without_seed_is_an_error(shards: list[Path]) -> None:
    with pytest.raises(ValueError, match="augmentation expected a seed"):
        spectrogram_dataset(shards, BATCH, augmentation=AugmentationConfig())


@pytest.mark.parametrize("name", ["metadata", "fused"])
def test_masking_depends_on_seed_and_epoch(
    name: str, shards: list[Path], preprocessor: MetadataPreprocessor
) -> None:
    def years(seed: int, epoch: int) -> list[list[int]]:
        settings = {"seed": seed, "first_epoch": epoch, "masking": MaskingConfig(year_rate=0.5)}
        dataset = (
            metadata_dataset(TABLE, preprocessor, BATCH, **settings)
            if name == "metadata"
            else fused_dataset(shards, preprocessor, BATCH, **settings)
        )
        return [inputs["year"].numpy().tolist() for inputs, _ in dataset.take(STEPS)]

    first = years(1, 0)
    assert years(1, 0) == first
    assert 0 < sum(year == 0 for batch in first for year in batch) < SONGS
    assert first not in (years(1, 1), years(2, 0))
    with pytest.raises(ValueError, match="masking expected a seed"):
        years(None, 0)


def test_features_of_a_frozen_encoder_replace_tokens(
    preprocessor: MetadataPreprocessor,
) -> None:
    def encode_text(tokens: tf.Tensor) -> np.ndarray:
        return tokens.numpy().astype("float16")

    columns = preprocessor.tokenize_table(TABLE)
    dataset = metadata_dataset(TABLE, preprocessor, SONGS, encode_text=encode_text)
    inputs, _ = next(iter(dataset))
    assert inputs["artist"].dtype == tf.float32
    np.testing.assert_array_equal(inputs["artist"], columns["artist"])
    np.testing.assert_array_equal(inputs["title"], columns["title"])


def test_sound_files_are_read_as_the_inputs_of_the_cnn(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, file in enumerate(files):
        soundfile.write(file, chirp(100, 4000, 0.5 + 0.1 * number), SAMPLE_RATE)
    first, last = audio_dataset(files, 2)
    assert first["spectrogram"].shape == (2, 256, 1024)
    assert first["columns"].numpy().tolist() == [100, 120]
    image = audio_spectrogram(files[2])
    for name, value in cnn_inputs(tf.constant(image)).items():
        np.testing.assert_allclose(last[name][0], value, atol=1e-3)
