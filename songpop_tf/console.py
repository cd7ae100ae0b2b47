"""Terminal output of a command: printed lines and a progress bar."""

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
        """Print a line to standard output, above the bar."""
        print(text, flush=True)

    def _remove_task(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._label = None, ""
