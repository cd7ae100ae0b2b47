"""The models that commands open."""

from pathlib import Path

import pytest

from songpop_tf.serving import loading
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.training.run import Run


@pytest.fixture
def models_opened_once(
    run: Run,
    run_backend: Backend,
    exported: Path,
    exported_backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands do not open the run and the exported model again, which takes many seconds."""
    opened = {run.directory: run_backend, exported: exported_backend}
    monkeypatch.setattr(loading, "open_predictor", lambda folder: Predictor(opened[folder]))
