"""What every command shares: its options, its console, and how it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import InputError
from songpop_tf.console import Console

app = typer.Typer(
    name="songpop-tf",
    help="Predict how popular a song will be from its spectrogram and its metadata.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same result.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
DataFolder = Annotated[Path, typer.Option(help="Folder written by `prepare`.")]


@contextmanager
def plain_session(debug: bool) -> Iterator[Console]:
    """A console while a command works; errors of the input become one line and exit code 1."""
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
            typer.echo("songpop-tf: stopped; start it again to go on", err=True)
            raise typer.Exit(130) from None


@contextmanager
def tensorflow_session(debug: bool) -> Iterator[Console]:
    """As :func:`plain_session`, for commands that need TensorFlow."""
    from songpop_tf.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    with plain_session(debug) as console:
        yield console
