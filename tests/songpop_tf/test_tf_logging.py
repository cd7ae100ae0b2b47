"""The start-up log is hidden where that is possible."""

import os
import subprocess
import sys
import tempfile

import pytest

from songpop_tf import tf_logging
from songpop_tf.tf_logging import suppress_startup_log


@pytest.fixture(autouse=True)
def no_level_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf_logging, "_USER_WANTS_LOG", False)


def test_log_is_hidden_unless_the_block_raises(capfd: pytest.CaptureFixture[str]) -> None:
    with suppress_startup_log():
        os.write(2, b"no CUDA\n")
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError), suppress_startup_log():
        _ = 1 / (os.write(2, b"no CUDA\n") - len("no CUDA\n"))
    assert capfd.readouterr().err == "no CUDA\n"


@pytest.mark.parametrize("error", [FileNotFoundError("no folder"), OSError("disk full")])
def test_log_is_shown_without_a_place_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: OSError
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with suppress_startup_log():
        os.write(2, b"no CUDA\n")
    assert capfd.readouterr().err == "no CUDA\n"


@pytest.mark.parametrize("level", ["2", "3"])
def test_less_log_than_usual_shows_no_start_up_log(level: str) -> None:
    code = (
        "import os; from songpop_tf.tf_logging import suppress_startup_log\n"
        "with suppress_startup_log(): os.write(2, b'no CUDA')"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": level}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert done.stderr == b""
