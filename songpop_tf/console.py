"""What a person sees while a command works: lines that stay, and a bar on a terminal."""

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


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


class Console:
    """Lines on standard output, one progress bar on standard error; no bar without a terminal."""

    def __init__(self) -> None:
        self._errors = RichConsole(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._errors,
            transient=True,
            # Lines go above the bar, but never away from where standard output was sent.
            redirect_stdout=sys.stdout.isatty(),
            disable=not self._errors.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""

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

    def progress(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of ``what`` are done; the bar goes when all are."""
        if what != self._what or self._task is None:
            self._drop_task()
            self._task = self._bar.add_task(what, total=total)
            self._what = what
        self._bar.update(self._task, completed=done, total=total)
        if done >= total:
            self._drop_task()

    def advance(self, steps: int) -> None:
        """Move the bar that is shown by ``steps``."""
        if self._task is not None:
            self._bar.advance(self._task, steps)

    def say(self, text: str) -> None:
        """Print one line on standard output, above the bar."""
        print(text, flush=True)

    def _drop_task(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._what = None, ""
