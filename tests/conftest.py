"""A small generated sample, prepared and trained once for all tests that need one.

What is made here is only read: with pytest-xdist the processes of a test run share it.
"""

import os

# Before any test module imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tensorflow as tf
from filelock import FileLock
from hypothesis import settings

from pipelines.config import SplitConfig
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.synthetic import write_sample
from songpop_tf.config import FitConfig, MetadataEncoderConfig, RunConfig, SpectrogramCNNConfig
from songpop_tf.console import Console
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.export import export
from songpop_tf.serving.loading import open_predictor
from songpop_tf.training.configurations import CONFIGURATIONS
from songpop_tf.training.conformal import N_FEATURES, GroupCalibration, PredictionIntervals
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer

if TYPE_CHECKING:
    from tests.songpop_tf.serving.fake_server import ServedModel

# Most graphs are traced for one call, and optimizing them takes longer than that call.
WITHOUT_GRAPH_OPTIMIZER = "disable_meta_optimizer"
tf.config.optimizer.set_experimental_options({WITHOUT_GRAPH_OPTIMIZER: True})

# The same examples in each run, and few: they guard against changes, each in a moment.
settings.register_profile("tests", max_examples=50, derandomize=True, deadline=None, database=None)
settings.load_profile("tests")


class SilentConsole(Console):
    """A console that prints nothing."""

    def progress(self, label: str, done: int, total: int) -> None:
        """Show nothing."""

    def print(self, text: str) -> None:
        """Print nothing."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


QUICK = FitConfig(learning_rate=2e-3, epochs=2, batch_size=16, patience=2)
TINY = RunConfig(
    cnn=SpectrogramCNNConfig(filters=(8, 8)),
    metadata=MetadataEncoderConfig(vocabulary_size=300, tokens=12, layers=1, heads=2, width=16),
    text_naive_fit=QUICK,
    text_pretraining_fit=FitConfig(learning_rate=3e-3, epochs=3, batch_size=32, patience=3),
    text_finetuning_fit=QUICK,
    cnn_fit=QUICK,
    combined_naive_fit=QUICK,
    head_fit=FitConfig(learning_rate=2e-3, epochs=5, batch_size=16, patience=5),
)


def some_intervals() -> PredictionIntervals:
    """Intervals that differ by group, year and predicted popularity."""
    weights = np.random.default_rng(0).normal(0.0, 0.5, (16, N_FEATURES))
    return PredictionIntervals(
        tuple(GroupCalibration(2.0, 1.0 + group, weights[group]) for group in range(16))
    )


@pytest.hookimpl(trylast=True)  # after those of other markers have been deselected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the tests that need the trained run first, and the notebooks in the middle.

    With pytest-xdist two processes begin with one half of the tests each: one that trains, and one
    that need not wait for it and begins with the longest tests, so that none is left for the end.
    """
    notebooks = [item for item in items if item.path.name == "test_notebooks.py"]
    others = [item for item in items if item not in notebooks]
    others.sort(key=lambda item: "run" not in getattr(item, "fixturenames", ()))
    middle = len(items) // 2
    items[:] = [*others[:middle], *notebooks, *others[middle:]]


Once = Callable[[str, Callable[[Path], object]], Path]
"""Makes a folder of a given name unless another process of the test run has; returns it."""


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes what the processes of a test run share."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        made = root / f"{name}.made"
        with FileLock(root / f"{name}.lock"):
            if not made.exists():
                make(root / name)
                made.touch()
        return root / name

    return make_once


@pytest.fixture(scope="session")
def sample(once: Once) -> Path:
    """A folder with 48 short spectrograms and their tracks.csv."""
    return once("sample", lambda path: write_sample(path, 48, seconds=2.0, seed=1, workers=1))


@pytest.fixture(scope="session")
def data(sample: Path, once: Once) -> PreparedData:
    """The sample, prepared."""
    options = PrepareOptions(sample / "spectrograms", [sample / "tracks.csv"], SplitConfig())
    return PreparedData.open(once("data", lambda path: prepare(options, path, no_progress)))


@pytest.fixture(scope="session")
def run(data: PreparedData, once: Once) -> Run:
    """All six configurations, trained for a moment."""

    def train(directory: Path) -> None:
        started = Run.start(directory, data, TINY)
        Trainer(data, started, TINY, SilentConsole()).train(CONFIGURATIONS)
        # With seven validation songs an interval would be the whole scale.
        for name in CONFIGURATIONS:
            started.save_intervals(name, some_intervals())

    return Run.open(once("run", train))


@pytest.fixture(scope="session")
def exported(run: Run, once: Once) -> Path:
    """The first version of the run as a SavedModel."""

    def export_as_users_do(path: Path) -> None:
        tf.config.optimizer.set_experimental_options({WITHOUT_GRAPH_OPTIMIZER: False})
        export(run, path / "songpop")
        options = tf.config.optimizer.get_experimental_options()
        assert not options[WITHOUT_GRAPH_OPTIMIZER], "export restores the settings of the process"
        tf.config.optimizer.set_experimental_options({WITHOUT_GRAPH_OPTIMIZER: True})

    return once("saved_models", export_as_users_do) / "songpop" / "1"


@pytest.fixture(scope="session")
def run_backend(run: Run) -> Backend:
    """The run, opened once: its first prediction with a spectrogram takes many seconds."""
    return open_predictor(run.directory).backend


@pytest.fixture(scope="session")
def exported_backend(exported: Path) -> Backend:
    """The exported model, opened once."""
    return open_predictor(exported).backend


@pytest.fixture(scope="session")
def loaded_model(exported: Path) -> "ServedModel":
    """The exported model, loaded once for all servers."""
    from tests.songpop_tf.serving.fake_server import ServedModel

    return ServedModel(exported)


@pytest.fixture
def served_model(loaded_model: "ServedModel") -> "ServedModel":
    """The exported model on a server, without faults or requests of an earlier test."""
    loaded_model.faults, loaded_model.requests = [], []
    return loaded_model
