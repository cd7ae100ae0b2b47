"""A small generated sample, prepared and trained once for all tests that need one."""

import os

# Before any test module imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import numpy as np
import pytest

from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared import PreparedData
from pipelines.sample import write_sample
from songpop_tf.config import (
    FitConfig,
    MetadataEncoderConfig,
    RunConfig,
    SpectrogramCNNConfig,
    SplitConfig,
)
from songpop_tf.serving.export import export
from songpop_tf.training.run import CONFIGURATIONS, Run
from songpop_tf.training.stages import Trainer


class SilentConsole:
    """Where tests that do not look at the console let it talk."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


QUICK = FitConfig(learning_rate=2e-3, epochs=2, batch_size=16, patience=2)
TINY = RunConfig(
    cnn=SpectrogramCNNConfig(filters=(8, 8)),
    metadata=MetadataEncoderConfig(vocabulary_size=300, tokens=12, layers=1, heads=2, width=16),
    text_naive_fit=QUICK,
    text_fit=FitConfig(learning_rate=3e-3, epochs=3, batch_size=32, patience=3),
    text_songs_fit=QUICK,
    cnn_fit=QUICK,
    combined_naive_fit=QUICK,
    head_fit=FitConfig(learning_rate=2e-3, epochs=5, batch_size=16, patience=5),
)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 48 short spectrograms and their tracks.csv."""
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, 48, seconds=2.0, seed=1, workers=1)
    return directory


@pytest.fixture(scope="session")
def data(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """The sample, prepared."""
    options = PrepareOptions(sample / "spectrograms", [sample / "tracks.csv"], SplitConfig())
    return prepare(options, tmp_path_factory.mktemp("data") / "data", no_progress)


@pytest.fixture(scope="session")
def run(data: PreparedData, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All six configurations, trained for a moment."""
    started = Run.start(tmp_path_factory.mktemp("run") / "run", data, TINY)
    Trainer(data, started, TINY, SilentConsole()).train(list(CONFIGURATIONS))
    # With seven validation songs an interval would be the whole scale.
    for name in CONFIGURATIONS:
        started.store_half_widths(name, np.arange(1.0, 9.0))
    return started


@pytest.fixture(scope="session")
def exported(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first version of the run as a SavedModel."""
    return export(run, tmp_path_factory.mktemp("saved_models") / "songpop")
