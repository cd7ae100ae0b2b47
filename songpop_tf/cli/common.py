"""Options, console and error handling that the commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.config import MAX_SEED
from pipelines.errors import InputError
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
def console_session(debug: bool) -> Iterator[Console]:
    """Provide the console of a command and handle its errors.

    Input errors are printed as one line and exit with 1, an interruption exits with 130.

    Args:
        debug: raise input errors with their traceback instead.
    """
    with Console() as console:
        try:
            yield console
        except (InputError, OSError, FloatingPointError) as error:
            if debug:
                raise
            reason = " ".join(str(error).split())
            typer.echo(f"songpop-tf: error: {reason}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("songpop-tf: interrupted; run the same command again to resume", err=True)
            raise typer.Exit(130) from None


@contextmanager
def tensorflow_session(debug: bool) -> Iterator[Console]:
    """As `console_session`, for commands that need TensorFlow."""
    from songpop_tf.tf_logging import import_tensorflow_quietly

    import_tensorflow_quietly()
    with console_session(debug) as console:
        yield console
