"""Every error becomes one line that says what was being done."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
import tensorflow as tf
import typer
from keras import layers
from safetensors import SafetensorError
from sqlalchemy.exc import OperationalError

from pipelines.errors import InputError
from songpop_tf.cli.errors import describe, report_errors

DOING = "training run on data"


def from_keras() -> Exception:
    """A built-in error that Keras raises."""
    try:
        layers.Dense(-1)
    except ValueError as error:
        return error
    raise AssertionError


def from_traced_function() -> Exception:
    @tf.function
    def function() -> None:
        raise ValueError("expected a matrix")

    try:
        function()
    except Exception as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("songs.csv: expected\n a table"), "songs.csv: expected a table"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), "a.csv: No such file"),
        (OSError(errno.ENOSPC, "No space left"), f"{DOING}: No space left"),
        (MemoryError(), f"{DOING}: not enough memory"),
        (
            tf.errors.DataLossError(None, None, "corrupted record at 0 [[{{node Next}}]] [Op:Map]"),
            f"{DOING}: TensorFlow reports: corrupted record at 0",
        ),
        (SafetensorError("header too large"), f"{DOING}: safetensors reports: header too large"),
        (pd.errors.EmptyDataError("No columns"), f"{DOING}: pandas reports: No columns"),
        (
            optuna.exceptions.StorageInternalError("gone"),
            f"{DOING}: Optuna reports: gone",
        ),
    ],
)
def test_description_of_an_error(error: Exception, expected: str) -> None:
    assert describe(error, DOING) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (from_keras(), "Keras reports: Received an invalid value"),
        (from_traced_function(), ": expected a matrix"),
        (OperationalError("select", {}, Exception("locked")), "SQLAlchemy reports: "),
        (ImportError("libcuda.so.1: cannot open"), "libcuda.so.1: cannot open; pip install"),
        ("ä".encode("latin-1"), "expected text in UTF-8"),
        (KeyError("year"), "this is a bug of songpop-tf: KeyError: 'year'; run the command again"),
    ],
)
def test_description_says_whose_error_it_is(error: Exception | bytes, expected: str) -> None:
    if isinstance(error, bytes):
        with pytest.raises(UnicodeDecodeError) as raised:
            error.decode()
        error = raised.value
    line = describe(error, DOING)
    assert line.startswith(f"{DOING}: ")
    assert expected in line
    assert "\n" not in line


def test_error_is_printed_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"), report_errors(False, DOING):
        raise KeyError("year")
    printed = capsys.readouterr().err
    assert printed.startswith(f"songpop-tf: error: {DOING}: this is a bug")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("debug", "error"),
    [(True, KeyError("year")), (False, typer.Exit(3)), (False, typer.BadParameter("no"))],
)
def test_error_is_raised(debug: bool, error: Exception) -> None:
    with pytest.raises(type(error)), report_errors(debug, DOING):
        raise error


def run_shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    line = command.replace("songpop-tf", f"{sys.executable} -m songpop_tf")
    # As in a user's shell, where no TensorFlow log level is set.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    environment |= variables
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [
        ("| true; exit ${PIPESTATUS[0]}", 141, ""),
        ("> /dev/full", 1, "standard output: expected an output that can be written"),
        (">&-", 0, ""),
        ("<&- > /dev/null", 0, ""),
    ],
)
def test_output_that_nobody_reads(redirection: str, status: int, message: str) -> None:
    ended = run_shell(f"songpop-tf predict --artist Cher --json {redirection}")
    assert ended.returncode == status, ended.stderr
    assert message in ended.stderr
    assert ended.stderr.count("\n") == bool(message)


def test_file_does_not_take_the_place_of_a_closed_standard_error(tmp_path: Path) -> None:
    csv, out = tmp_path / "songs.csv", tmp_path / "predicted.csv"
    csv.write_text("artist,title,year\n,,\nCher,Believe,1998\n")
    run_shell(f"songpop-tf predict --csv '{csv}' --out '{out}' 2>&-")
    assert len(pd.read_csv(out)) == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "ascii:strict"])
@pytest.mark.parametrize("options", ["--json", ""])
def test_output_of_any_encoding(encoding: str, options: str) -> None:
    answer = run_shell(
        f"songpop-tf predict --artist 'Żółw 😀' --title Tune {options}", PYTHONIOENCODING=encoding
    )
    assert answer.returncode == 0, answer.stderr


def test_version() -> None:
    assert run_shell("songpop-tf --version").stdout.startswith("songpop-tf ")
