"""Functions that the README and the documentation show take a str like a Path."""

import os
from pathlib import Path

import pytest

from pipelines.audio.convert import find_audio
from pipelines.config import SplitConfig
from pipelines.datasets import audio_dataset, spectrogram_dataset
from pipelines.errors import InputError
from pipelines.io import to_paths
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from songpop_tf.config import RunConfig, load_config
from songpop_tf.serving.song import Song
from songpop_tf.training.callbacks import Checkpoint
from songpop_tf.training.run import Run


def test_prepared_data_and_its_shards(data: PreparedData) -> None:
    opened = PreparedData.open(str(data.directory))
    assert opened.directory == data.directory
    shards = opened.shards_of("test")
    expected = spectrogram_dataset(shards, 4).cardinality()
    for given in ([str(shard) for shard in shards], [os.fspath(shards[0])], str(shards[0])):
        assert spectrogram_dataset(given, 4).cardinality() == expected


@pytest.mark.parametrize("split", ["valid", "Train", "", "training", "val"])
def test_misspelt_split_is_named_at_once(data: PreparedData, split: str) -> None:
    for function in (data.songs_of, data.metadata_of, data.shards_of):
        with pytest.raises(InputError, match=f"one of train, validation, test, received '{split}'"):
            function(split)


def test_no_shards_are_an_error_at_once() -> None:
    with pytest.raises(InputError, match="shards: expected TFRecord files"):
        spectrogram_dataset([], 4)


def test_run_and_configuration(data: PreparedData, tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    started = Run.start(folder, data, RunConfig())
    assert Run.open(folder) == Run.start(folder, data, RunConfig()) == started
    assert load_config(f"{folder}/config.toml") == RunConfig()
    assert Checkpoint(f"{folder}/fit.npz", patience=2).completed_epochs == 0


def test_preparation(data: PreparedData, sample: Path, tmp_path: Path) -> None:
    paths = sample / "spectrograms", sample / "tracks.csv"
    spectrograms, tracks = map(str, paths)
    for given in (tracks, [tracks]):
        options = PrepareOptions(spectrograms, given, SplitConfig())  # type: ignore[arg-type]
        assert options == PrepareOptions(paths[0], [paths[1]], SplitConfig())
    prepared = prepare(options, str(tmp_path / "data"), lambda *_: None)
    assert len(prepared.songs) > 0


def test_song_and_sound_files(tmp_path: Path) -> None:
    file = tmp_path / "song.wav"
    file.touch()
    assert find_audio(str(file)) == find_audio([str(tmp_path)]) == [file]
    assert Song(audio=str(file)).audio == file  # type: ignore[arg-type]
    assert Song(spectrogram="a.png").image_file == Path("a.png")  # type: ignore[arg-type]
    assert audio_dataset(str(file), 4).cardinality() == 1
    assert to_paths(file) == to_paths([str(file)]) == to_paths(iter([file])) == [file]
