"""Commands in processes of their own, which can be killed at any moment."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

# Forked from a process that has imported everything, because importing takes longer than the
# commands. That process has not used TensorFlow, so that it has no threads.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "tests.survival.processes",
        "songpop_tf.cli",
        "pipelines.prepare",
        "songpop_tf.training.trainer",
        "songpop_tf.evaluation.evaluate",
        "songpop_tf.tuning.search",
        "songpop_tf.serving.export",
        "songpop_tf.serving.predict_csv",
    ]
)

Setup = Callable[[], None]
"""What a process does before the command, such as limiting itself."""


@dataclass
class Command:
    """A running command.

    Attributes:
        process: of the command.
        log: what it printed.
    """

    process: "_CONTEXT.Process"  # type: ignore[name-defined]
    log: Path

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended within a time."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and what it printed."""
        assert self.wait(600), "the command hangs"
        return self.process.exitcode, self.log.read_text()


def start(arguments: Sequence[object], log: Path, setup: Setup | None = None) -> Command:
    """Start ``songpop-tf`` with these arguments."""
    words = [str(argument) for argument in arguments]
    process = _CONTEXT.Process(target=_main, args=(words, log, setup))
    process.start()
    return Command(process, log)


def _main(words: list[str], log: Path, setup: Setup | None) -> None:
    from songpop_tf.cli import main

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    if setup is not None:
        setup()
    sys.argv = ["songpop-tf", *words]
    main()


def run(arguments: Sequence[object], log: Path, setup: Setup | None = None) -> float:
    """Run a command to its end; return the seconds that it took."""
    began = time.monotonic()
    status, printed = start(arguments, log, setup).end()
    assert status == 0, printed
    return time.monotonic() - began


def run_with_kills(
    arguments: Sequence[object],
    log: Path,
    seconds: float,
    kills: int,
    random: np.random.Generator,
    setup: Setup | None = None,
) -> int:
    """Run a command that is killed at random moments and started again, to its end.

    Args:
        arguments: of the command.
        log: of what it prints.
        seconds: within which after each start it is killed.
        kills: at most.
        random: of the moments.
        setup: what each process does before the command.

    Returns:
        How often it was killed.
    """
    for killed in range(kills):
        command = start(arguments, log, setup)
        if command.wait(random.uniform(0, seconds)):
            assert command.end()[0] == 0, command.log.read_text()
            return killed
        command.send(signal.SIGKILL)
        command.wait()
    run(arguments, log, setup)
    return kills
