"""What the benchmarks share: figures measured in turn, commands watched, the table printed."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)

_COLUMNS = ("what", "songpop_tf", "beside it", "result", "target")
# A process of its own: what a child's peak is taken to be includes the process that started it.
_WATCH = """
import resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Row:
    """A line of a benchmark's table.

    Attributes:
        what: is measured.
        ours: the project's figure.
        beside: the figure of what it is compared with.
        result: the number that counts, mostly a ratio of the two.
        unit: of the result.
        at_least, at_most: the result that is wanted.
    """

    what: str
    ours: str = ""
    beside: str = ""
    result: float | None = None
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None

    def cells(self) -> tuple[str, ...]:
        """As they are printed."""
        return self.what, self.ours, self.beside, self._result(), self._target()

    def _result(self) -> str:
        return "" if self.result is None else f"{rounded(self.result)} {self.unit}"

    def _target(self) -> str:
        if self.result is None:
            return ""
        wanted = []
        if self.at_least is not None:
            wanted.append((f"≥ {self.at_least:g} {self.unit}", self.result >= self.at_least))
        if self.at_most is not None:
            wanted.append((f"≤ {self.at_most:g} {self.unit}", self.result <= self.at_most))
        return ", ".join(f"{limit}: {'met' if met else 'missed'}" for limit, met in wanted)


def rounded(number: float) -> str:
    """Three digits, or all of a whole number that has more."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def print_table(rows: Sequence[Row]) -> None:
    """Print a Markdown table."""
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *(row.cells() for row in rows)]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in lines), flush=True)


def say(text: str) -> None:
    """Tell on standard error how it goes on; standard output holds the table alone."""
    print(text, file=sys.stderr, flush=True)


class Log:
    """A console for training that talks on standard error."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Say nothing: there is no bar."""

    def say(self, text: str) -> None:
        """Pass a line on."""
        say(text)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def in_turn(measures: Mapping[Key, Callable[[], float]], rounds: int) -> dict[Key, float]:
    """Take every measure once a round, one after the other; the median of each.

    What else the machine does falls on all of them alike.
    """
    taken: dict[Key, list[float]] = {key: [] for key in measures}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for key, measure in measures.items():
            taken[key].append(measure())
    for key, numbers in taken.items():
        spread = f"{rounded(min(numbers))} to {rounded(max(numbers))}"
        say(f"{key}: {rounded(statistics.median(numbers))} ({spread})")
    return {key: statistics.median(numbers) for key, numbers in taken.items()}


class Watched(NamedTuple):
    """What a command took: seconds of the wall's clock, and bytes of memory at most."""

    seconds: float
    peak: int


def watch(*command: object) -> Watched:
    """Run a command and measure it.

    Raises:
        RuntimeError: it failed.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(words)}: expected exit code 0, received {done.returncode}\n{done.stderr}"
        )
    taken, peak = done.stdout.split()
    return Watched(float(taken), int(peak) * _PEAK_UNIT)


def songpop_tf() -> Path:
    """The installed command, beside the Python that runs this.

    Raises:
        FileNotFoundError: the project is not installed there.
    """
    path = Path(sys.executable).with_name("songpop-tf")
    if not path.is_file():
        raise FileNotFoundError(f"expected songpop-tf beside {sys.executable}: pip install it")
    return path
