"""Terminal output of a command: printed lines and a progress bar."""

import io
import os
import sys
from types import TracebackType

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipelines.errors import InputError

_STREAMS = ("stdin", "stdout", "stderr")
_WRITTEN = (1, 2)


def open_standard_streams() -> None:
    """Make standard input, output and error usable, whatever they are.

    A closed one is opened to nothing: otherwise the next file that is opened takes its place, and
    what is printed is written into that file. Characters that the encoding of an output does not
    have are escaped.
    """
    for descriptor, name in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, this one
            mode = "w" if descriptor in _WRITTEN else "r"
            stream = os.fdopen(descriptor, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write what is buffered; where that is impossible, discard it, so that the exit is silent."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # reported when it was printed
            discard_output()


def discard_output() -> None:
    """Send everything that is still printed to nothing."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in _WRITTEN:
        os.dup2(nothing, descriptor)
    os.close(nothing)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


class Console:
    """Prints lines to standard output and a progress bar to standard error, if it is a terminal."""

    def __init__(self) -> None:
        stderr = RichConsole(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            console=stderr,
            transient=True,
            # Print lines above the bar, but do not capture redirected standard output.
            redirect_stdout=sys.stdout.isatty(),
            disable=not stderr.is_terminal,
        )
        self._task: TaskID | None = None
        self._label = ""

    def __enter__(self) -> "Console":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def progress(self, label: str, done: int, total: int) -> None:
        """Show ``done`` of ``total`` steps of ``label``; remove the bar after the last one."""
        if label != self._label or self._task is None:
            self._remove_task()
            self._task = self._bar.add_task(label, total=total)
            self._label = label
        self._bar.update(self._task, completed=done, total=total)
        if done >= total:
            self._remove_task()

    def advance(self, steps: int) -> None:
        """Advance the current bar by ``steps``."""
        if self._task is not None:
            self._bar.advance(self._task, steps)

    def print(self, text: str) -> None:
        """Print a line to standard output, above the bar.

        Raises:
            BrokenPipeError: whoever read standard output has closed it.
            InputError: standard output cannot be written to for another reason.
        """
        try:
            print(text, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InputError(
                f"standard output: expected an output that can be written, received: "
                f"{error.strerror}"
            ) from error

    def _remove_task(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._label = None, ""
