"""Commands that are asked to stop, have no place to write, or meet another at their output."""

import os
import resource
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.survival.conftest import prepare_command, train_command
from tests.survival.outputs import files
from tests.survival.processes import Command, run, start

LONG = pytest.mark.long


def error_line(command: Command) -> str:
    """The one line of a command that failed."""
    status, printed = command.end()
    assert status == 1, printed
    assert "Traceback" not in printed
    lines = [line for line in printed.splitlines() if line.startswith("songpop-tf: ")]
    assert len(lines) == 1, printed
    return lines[0]


def wait_for(path: Path, pattern: str) -> None:
    """Wait until a folder has a file."""
    for _ in range(6000):
        if next(path.glob(pattern), None):
            return
        time.sleep(0.01)
    raise AssertionError(f"expected {pattern} in {path}")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=LONG)])
def test_stopped_preparation_says_so_and_resumes(
    songs: Path, few: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = start(prepare_command(songs, tmp_path / "data"), tmp_path / "log")
    wait_for(tmp_path / "data", "plan.json")
    command.send(number)
    status, printed = command.end()
    assert (status, printed.strip()) == (
        130,
        "songpop-tf: interrupted; run the same command again to resume",
    )
    assert not list(tmp_path.rglob("*.tmp*"))
    run(prepare_command(songs, tmp_path / "data"), tmp_path / "log")
    assert files(tmp_path / "data") == files(few)


def limit_files(size: int) -> None:
    """Let no file of this process grow larger, as a full disk would."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [2000, pytest.param(200_000, marks=LONG)])
def test_full_disk_is_named_and_what_was_written_is_kept(
    songs: Path, few: Path, tmp_path: Path, size: int
) -> None:
    out = tmp_path / "data"
    # Its log is limited too: no size may be so small that the error does not fit.
    command = start(prepare_command(songs, out), tmp_path / "log", partial(limit_files, size))
    line = error_line(command)
    assert str(out) in line or "File too large" in line
    assert not list(out.rglob("*.tmp*"))
    run(prepare_command(songs, out), tmp_path / "log")
    assert files(out) == files(few)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_read_only_folder_is_named(songs: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    line = error_line(start(prepare_command(songs, locked / "data"), tmp_path / "log"))
    assert str(locked) in line


def test_place_where_nobody_may_write_is_named(songs: Path, tmp_path: Path) -> None:
    out = Path("/proc/no/data")  # nobody may write there, root neither
    line = error_line(start(prepare_command(songs, out), tmp_path / "log"))
    assert str(out) in line


def test_folder_that_vanishes_is_named(songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    command = start(prepare_command(songs, out), tmp_path / "log")
    wait_for(out, "plan.json")
    command.send(signal.SIGSTOP)
    shutil.rmtree(out)
    command.send(signal.SIGCONT)
    assert str(out) in error_line(command)
    assert not (out / "manifest.json").exists()


def test_second_process_at_an_output_says_so(songs: Path, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    first = start(prepare_command(songs, out), tmp_path / "first.log")
    wait_for(out, ".lock")
    line = error_line(start(prepare_command(songs, out), tmp_path / "second.log"))
    assert str(out) in line
    assert "another process writes now" in line
    assert first.end()[0] == 0
    assert files(out) == files(few)


@LONG
def test_second_training_of_a_run_says_so(few: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start(train_command(few, out, config, "text"), tmp_path / "first.log")
    wait_for(out, ".lock")
    line = error_line(start(train_command(few, out, config, "text"), tmp_path / "second.log"))
    assert "another process writes now" in line
    assert first.end()[0] == 0
