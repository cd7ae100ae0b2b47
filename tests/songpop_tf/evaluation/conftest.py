"""An evaluated run for the tests of this package."""

import shutil

import pytest

from pipelines.prepared_data import PreparedData
from songpop_tf.evaluation.evaluate import evaluate
from songpop_tf.training.run import Run
from tests.conftest import SilentConsole


@pytest.fixture(scope="session")
def evaluated_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy: `evaluate` writes into the run, and other tests only read the original."""
    copy = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(run.directory, copy)
    return Run.open(copy)


@pytest.fixture(scope="session")
def evaluation(evaluated_run: Run, data: PreparedData) -> dict:
    """The result of `evaluate`, which also writes its files into `evaluated_run`."""
    return evaluate(data, evaluated_run, 0, SilentConsole())
