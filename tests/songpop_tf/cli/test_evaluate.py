"""The command ``evaluate``."""

from pathlib import Path

from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import error_line, invoke


def test_data_folder_without_prepared_data_is_refused(run: Run, tmp_path: Path) -> None:
    error = error_line(invoke("evaluate", "--data", tmp_path, "--run", run.directory))
    assert "expected prepared data" in error
