"""Training in Weights & Biases, offline."""

import time
from pathlib import Path

import pytest

import songpop_tf
from pipelines import extras
from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.training.run import Run
from songpop_tf.training.wandb_log import wandb_run
from tests.conftest import TINY, SilentConsole


def read_when_written(path: Path, expected: bytes) -> bytes:
    """Read a file that W&B's own process may still be writing."""
    end = time.monotonic() + 60
    while expected not in (content := path.read_bytes()):
        assert time.monotonic() < end, f"{expected!r} is not in {path}"
        time.sleep(0.2)
    return content


def test_tensorboard_logs_are_in_the_offline_run(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    songpop_tf.train(
        *(data.directory, tmp_path / "run"),
        approach="naive",
        branch="text",
        config=TINY,
        wandb=True,
        console=SilentConsole(),
    )
    (records,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    content = read_when_written(records, b"text_naive/validation/mse")
    assert b"text_naive/training/learning_rate" in content
    assert b"vocabulary_size" in content
    # TensorBoard's writers are as before.
    assert songpop_tf.load(tmp_path / "run").predict(artist="A").popularity > 0


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with (
        pytest.raises(InputError, match=r"pip install 'songpop-tf\[wandb\]'"),
        wandb_run(Run(tmp_path), TINY, tmp_path),
    ):
        pass
