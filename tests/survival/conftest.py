"""A sample so small that a command takes seconds."""

from pathlib import Path

import pytest

from pipelines.synthetic import write_sample
from songpop_tf.config import save_config
from tests.conftest import TINY, Once
from tests.survival.processes import run


@pytest.fixture(scope="session")
def songs(once: Once) -> Path:
    """A folder with 24 spectrograms of a second, their tracks.csv and a sound."""
    return once("few_songs", lambda path: write_sample(path, 24, seconds=1.0, seed=2, workers=1))


@pytest.fixture(scope="session")
def config(once: Once) -> Path:
    """Settings of very small models, trained for a moment."""

    def write(folder: Path) -> None:
        folder.mkdir()
        save_config(TINY, folder / "tiny.toml")

    return once("config", write) / "tiny.toml"


@pytest.fixture(scope="session")
def few(once: Once, songs: Path) -> Path:
    """The songs, prepared by the command."""

    def prepare(folder: Path) -> None:
        run(prepare_command(songs, folder), folder.with_suffix(".log"))

    return once("few", prepare)


@pytest.fixture(scope="session")
def few_run(once: Once, few: Path, config: Path) -> Path:
    """All six configurations, trained by the command."""

    def train(folder: Path) -> None:
        run(train_command(few, folder, config), folder.with_suffix(".log"))

    return once("few_run", train)


def prepare_command(songs: Path, out: Path) -> list[object]:
    """Arguments that prepare the songs."""
    tables = ("--tracks", songs / "tracks.csv")
    return ["prepare", "--spectrograms", songs / "spectrograms", *tables, "--out", out]


def train_command(data: Path, out: Path, config: Path, branch: str = "all") -> list[object]:
    """Arguments that train both approaches of a branch."""
    options = ("--approach", "both", "--branch", branch, "--config", config)
    return ["train", "--data", data, "--out", out, *options]
