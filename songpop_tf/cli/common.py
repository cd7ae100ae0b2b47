"""Options, console and error handling that the commands share."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.config import MAX_SEED
from songpop_tf.cli.errors import report_errors
from songpop_tf.console import Console

Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Same seed, same result.")]
ConfigSeed = Annotated[
    int | None,
    typer.Option(min=0, max=MAX_SEED, help="Same seed, same result; overrides the TOML's."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
DataFolder = Annotated[Path, typer.Option(help="Folder written by `prepare`.")]
RunFolder = Annotated[Path, typer.Option(help="Folder written by `train`.")]
ConfigFile = Annotated[
    Path | None, typer.Option(help="TOML with settings that differ from the defaults.")
]
Branch = Literal["text", "cnn", "combined", "all"]


@contextmanager
def console_session(debug: bool, doing: str) -> Iterator[Console]:
    """Provide the console of a command and report its errors.

    Args:
        debug: raise errors with their traceback instead.
        doing: what the command does to which files, for `songpop_tf.cli.errors.report_errors`.
    """
    with report_errors(debug, doing), Console() as console:
        yield console


@contextmanager
def tensorflow_session(debug: bool, doing: str) -> Iterator[Console]:
    """As `console_session`, for commands that need TensorFlow."""
    with console_session(debug, doing) as console:
        from songpop_tf.tf_logging import import_tensorflow_quietly

        import_tensorflow_quietly()
        yield console


def command_line(*words: object) -> str:
    """A command that can be pasted into a shell: words with spaces and the like are quoted."""
    return shlex.join(map(str, words))
