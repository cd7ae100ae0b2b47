"""Images and sounds: broken ones are named, and change nothing of the songs beside them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.decoding import decode_spectrogram
from pipelines.spectrograms.loading import load_spectrogram
from pipelines.spectrograms.shards import image_error
from pipelines.spectrograms.tfrecords import parse_song
from tests.conftest import no_progress
from tests.corpus.damage import Files
from tests.corpus.memory import GIGABYTE, at_most_above
from tests.corpus.png import broken_images, encode, largest_images, low_depths, usable_variants
from tests.corpus.sounds import broken_sounds, song
from tests.pipelines.images import pixels

IMAGE = pixels(64, 80, seed=0)


@pytest.mark.parametrize("name", usable_variants(IMAGE))
def test_image_stored_otherwise_is_the_same(name: str) -> None:
    stored = load_spectrogram(tf.constant(usable_variants(IMAGE)[name]))
    plain = load_spectrogram(tf.constant(encode(IMAGE)))
    for key, value in plain.items():
        np.testing.assert_array_equal(stored[key], value)


@pytest.mark.parametrize("name", low_depths(IMAGE))
def test_image_of_few_levels_is_used(name: str) -> None:
    image, error = decode_spectrogram(tf.constant(low_depths(IMAGE)[name]))
    assert error == b""
    np.testing.assert_allclose(image, IMAGE, atol=255 >> int(name[0]))


@dataclass(frozen=True)
class Folders:
    """Songs that can be used, and a table of them and of the broken ones."""

    spectrograms: Path
    audio: Path
    tracks: Path

    def prepare(self, out: Path) -> PreparedData:
        """Prepare all songs; those that cannot be used must not stop it."""
        split = SplitConfig()
        options = PrepareOptions(self.spectrograms, [self.tracks], split, 1.0, self.audio)
        return prepare(options, out, no_progress)

    def add(self, files: Files, suffix: str) -> list[str]:
        """Add broken songs and their tracks; return their paths as in the quarantine."""
        folder = self.spectrograms if suffix == "png" else self.audio
        tracks = pd.read_csv(self.tracks)
        names = [f"{suffix} {name}".replace("_", " ") for name in files]
        rows = tracks.iloc[[0] * len(files)].assign(
            id=names, name=names, artists=[f"['Broken {name}']" for name in names]
        )
        pd.concat([tracks, rows]).to_csv(self.tracks, index=False)
        paths = [f"1999/Broken_{name}_-_{name}.{suffix}".replace(" ", "_") for name in names]
        (folder / "1999").mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, files.values(), strict=True):
            (folder / path).write_bytes(content)
        return paths


@pytest.fixture
def folders(sample: Path, tmp_path: Path) -> Folders:
    """The sample, three of whose songs are sounds."""
    folder = Path(shutil.copytree(sample, tmp_path / "sample"))
    images = sorted((folder / "spectrograms").rglob("*.png"))[:3]
    for seed, image in enumerate(images):
        path = folder / "audio" / image.parent.name / f"{image.stem}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, song(seed), SAMPLE_RATE)
        image.unlink()
    return Folders(folder / "spectrograms", folder / "audio", folder / "tracks.csv")


def records(data: PreparedData) -> Iterator[tuple[str, bytes]]:
    """ID and bytes of each song's record."""
    dataset = tf.data.TFRecordDataset([str(path) for path in data.shards])
    for record in dataset.as_numpy_iterator():
        yield parse_song(record)["song_id"].numpy().decode(), record


def test_preparation_names_broken_songs_and_keeps_the_others(
    folders: Folders, tmp_path: Path
) -> None:
    alone = dict(records(folders.prepare(tmp_path / "alone")))
    assert len(alone) == 48
    images = folders.add(broken_images(seed=0), "png")
    sounds = folders.add(broken_sounds(seed=0, count=1), "wav")
    with at_most_above(GIGABYTE):
        data = folders.prepare(tmp_path / "data")
    with_broken = dict(records(data))
    assert {song_id: with_broken[song_id] for song_id in alone} == alone

    quarantine = pd.read_csv(data.directory / "quarantine.csv")
    named = quarantine[quarantine.kind == "invalid"].set_index("file").reason
    unlinked = pd.read_csv(data.directory / "linkage.csv").query("kind == 'unmatched'").file
    assert set(images) | set(sounds) == {
        *named.index,
        *unlinked,
        *data.songs.file[data.songs.artist.str.startswith("Broken")],
    }
    assert set(images) <= set(named.index), "an image is whole or named"
    assert named.str.startswith("expected ").all()
    assert not named.str.contains("\n").any()
    assert (named.str.len() < 300).all()


def is_finite_or_named(path: Path) -> bool:
    """Whether a sound becomes an image or an error that names the file."""
    try:
        return audio_spectrogram(path).shape[0] == 256
    except InputError as error:
        return str(error).startswith(f"{path}: expected ") and "\n" not in str(error)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_more_damage_of_sounds(tmp_path: Path, seed: int) -> None:
    for name, content in broken_sounds(seed, count=20).items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(content)
        assert is_finite_or_named(path), name


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_more_damage_of_images(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "image.png"
    for name, content in broken_images(seed, count=200).items():
        path.write_bytes(content)
        assert image_error(path).startswith("expected "), name


@pytest.mark.long
@pytest.mark.parametrize("name", largest_images())
def test_largest_images_take_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(largest_images()[name])
    with at_most_above(GIGABYTE):
        assert "blank image" in image_error(path)
