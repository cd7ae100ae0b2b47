"""Interleaved timing, measurement of subprocesses, and progress on standard error."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from result_table import format_number

from songpop_tf.console import Console

Key = TypeVar("Key", bound=Hashable)

# Run in a separate process: RUSAGE_CHILDREN also counts the memory of the process that forks.
_MEASURE_CHILD = """
import resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def log(text: str) -> None:
    """Print progress on standard error; standard output is reserved for the table."""
    print(text, file=sys.stderr, flush=True)


class StderrConsole(Console):
    """A console without progress bar that prints on standard error."""

    def progress(self, label: str, done: int, total: int) -> None:
        """Show nothing."""

    def print(self, text: str) -> None:
        """Print one line on standard error."""
        log(text)


def time_call(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measure_interleaved(
    measurements: Mapping[Key, Callable[[], float]], rounds: int
) -> dict[Key, float]:
    """Run every measurement once a round and return the median of each.

    Interleaving spreads other load on the machine over all measurements alike.
    """
    values: dict[Key, list[float]] = {key: [] for key in measurements}
    for number in range(rounds):
        log(f"round {number + 1} of {rounds}")
        for key, measure in measurements.items():
            values[key].append(measure())
    for key, numbers in values.items():
        spread = f"{format_number(min(numbers))} to {format_number(max(numbers))}"
        log(f"{key}: {format_number(statistics.median(numbers))} ({spread})")
    return {key: statistics.median(numbers) for key, numbers in values.items()}


class ResourceUsage(NamedTuple):
    """Wall-clock seconds and peak resident memory in bytes of a process."""

    seconds: float
    peak_memory: int


def run_measured(*command: object) -> ResourceUsage:
    """Run a command and measure it.

    Raises:
        RuntimeError: the command failed.
    """
    arguments = [str(argument) for argument in command]
    process = subprocess.run(
        [sys.executable, "-c", _MEASURE_CHILD, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(arguments)}: expected exit code 0, received {process.returncode}\n"
            f"{process.stderr}"
        )
    seconds, maxrss = process.stdout.split()
    return ResourceUsage(float(seconds), int(maxrss) * _MAXRSS_UNIT)


def songpop_tf_command() -> Path:
    """Path of the command ``songpop-tf`` in the environment of this Python.

    Raises:
        FileNotFoundError: the project is not installed there.
    """
    path = Path(sys.executable).with_name("songpop-tf")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the installed command, found none; pip install")
    return path
