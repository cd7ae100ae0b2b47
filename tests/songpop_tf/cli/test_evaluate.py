"""The command ``evaluate``."""

import shutil
from pathlib import Path

from pipelines.locks import locked_folder
from pipelines.prepared_data import PreparedData
from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import error_line, invoke


def test_data_folder_without_prepared_data_is_refused(run: Run, tmp_path: Path) -> None:
    error = error_line(invoke("evaluate", "--data", tmp_path, "--run", run.directory))
    assert "expected prepared data" in error


def test_run_that_another_process_writes_is_refused(
    data: PreparedData, run: Run, tmp_path: Path
) -> None:
    copy = shutil.copytree(run.directory, tmp_path / "run")
    with locked_folder(copy):
        error = error_line(invoke("evaluate", "--data", data.directory, "--run", copy))
    assert f"{copy}: expected an output that only this process writes" in error
    assert not (copy / "evaluation.json").exists()
