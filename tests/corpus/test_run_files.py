"""The program's own files: damaged ones are named, whichever function reads them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import pandas as pd
import pytest

from pipelines.datasets import spectrogram_dataset
from pipelines.errors import InputError
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.tokenizer import MetadataTokenizer
from pipelines.metadata.year_quantiles import read_year_quantiles
from pipelines.prepared_data import PreparedData
from pipelines.source_folders import SourceFolders
from pipelines.spectrograms.shards import Shard, write_shards
from pipelines.spectrograms.tfrecords import count_records, naming_damaged_records
from songpop_tf.serving.pretrained import pretrained_model
from songpop_tf.serving.saved_model_backend import SavedModelBackend
from songpop_tf.serving.schema import SIGNATURES_FILE
from songpop_tf.training.callbacks import Checkpoint
from songpop_tf.training.configurations import Configuration, find_configuration
from songpop_tf.training.run import Run
from tests.corpus.damage import Files
from tests.corpus.memory import GIGABYTE, at_most_above
from tests.corpus.run_files import changed_json, changed_toml, damaged

Read = Callable[[Path], object]


def read_data(path: Path) -> None:
    """Open prepared data and read all its tables, as every command does."""
    data = PreparedData.open(path.parent)
    for table in (data.songs, data.metadata):
        table[["artist", "title", "year", "popularity", "split"]]


def read_records(path: Path) -> None:
    """Count and read records, as training does."""
    count_records(path)
    with naming_damaged_records([path]):
        for _ in spectrogram_dataset([path], 16):
            pass


def read_rejections(path: Path) -> None:
    """Prepare again beside finished shards."""
    songs = pd.DataFrame({"file": ["1999/a.png"]})
    shard = Shard(path.with_suffix(".tfrecord"), "train", songs)
    write_shards([shard], SourceFolders(path.parent), lambda _: None)


def read_run(path: Path) -> None:
    """Open a run and read its settings."""
    Run.open(path.parent).config()


def by_configuration(read: Callable[[Run, Configuration], object]) -> Read:
    """Read a file of the pre-trained text branch."""
    return lambda path: read(Run(path.parents[1]), find_configuration("text"))


def read_checkpoint(path: Path) -> None:
    """Resume a training."""
    model = checkpointed_model()
    checkpoint = Checkpoint(path, patience=2)
    checkpoint.restore(model)


def checkpointed_model() -> keras.Model:
    """A model with a built optimizer."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint after one epoch."""
    callback = Checkpoint(tmp_path / "fit.npz", patience=2)
    callback.set_model(checkpointed_model())
    callback.on_epoch_end(0, {"val_loss": 1.0})
    return tmp_path / "fit.npz"


DATA_FILES: dict[str, Read] = {
    "manifest.json": read_data,
    "songs.csv": read_data,
    "metadata.csv": read_data,
    "spectrograms/train-00000-of-00001.tfrecord": read_records,
    "spectrograms/train-00000-of-00001.json": read_rejections,
}
RUN_FILES: dict[str, Read] = {
    "config.toml": read_run,
    "data.json": read_run,
    "models/text.keras": by_configuration(Run.load_model),
    "history/text.json": by_configuration(Run.load_history),
    "intervals/text.json": by_configuration(Run.load_intervals),
    "preprocessors/pretrained/artists.npz": ArtistHistory.load,
    "preprocessors/pretrained/tokenizer.json": lambda path: MetadataTokenizer.load(path.parent),
    "preprocessors/pretrained/vocabulary.txt": lambda path: MetadataTokenizer.load(path.parent),
    "year_quantiles.json": read_year_quantiles,
}


def changed(name: str, content: bytes, count: int) -> Files:
    """Everything that may have happened to a file of that kind."""
    files = damaged(content, seed=0, count=count)
    if name.endswith(".json"):
        files |= changed_json(content)
    if name.endswith(".toml"):
        files |= changed_toml(content)
    return files


def assert_named_or_read(read: Read, path: Path, files: Files) -> None:
    """Read each broken file in place of a whole one."""
    with at_most_above(GIGABYTE):
        for name, content in files.items():
            path.write_bytes(content)
            try:
                read(path)
            except InputError as error:
                message = str(error)
                assert path.name in message or str(path.parent) in message, name
                assert "\n" not in message, name
                assert len(message) < 1000, name


@pytest.mark.parametrize("name", DATA_FILES)
def test_damaged_files_of_prepared_data(data: PreparedData, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(data.directory, tmp_path / "data"))
    files = changed(name, (folder / name).read_bytes(), count=4)
    assert_named_or_read(DATA_FILES[name], folder / name, files)


@pytest.mark.parametrize("name", RUN_FILES)
def test_damaged_files_of_a_run(run: Run, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(run.directory, tmp_path / "run"))
    files = changed(name, (folder / name).read_bytes(), count=4)
    assert_named_or_read(RUN_FILES[name], folder / name, files)


def test_damaged_signatures_of_an_export(tmp_path: Path) -> None:
    path = tmp_path / SIGNATURES_FILE
    files = changed(path.name, (pretrained_model() / "1" / path.name).read_bytes(), count=4)
    assert_named_or_read(lambda path: SavedModelBackend(path.parent), path, files)


def test_damaged_checkpoints(checkpoint: Path) -> None:
    files = damaged(checkpoint.read_bytes(), seed=0, count=20)
    assert_named_or_read(read_checkpoint, checkpoint, files)
