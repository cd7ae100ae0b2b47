"""The command line: each command parses its options, calls the library and prints the result.

The commands import heavy packages themselves, so that ``songpop-tf --help`` responds immediately.
"""

import sys
from typing import Annotated

import typer

from songpop_tf import __version__
from songpop_tf.cli import (
    demo,
    download,
    evaluate,
    explain,
    export,
    predict,
    prepare,
    sample,
    spectrogram,
    train,
    tune,
)
from songpop_tf.cli.app import app as app_command
from songpop_tf.cli.errors import report_errors
from songpop_tf.cli.interruption import interrupt_on_signals
from songpop_tf.console import flush_output, open_standard_streams

app = typer.Typer(
    name="songpop-tf",
    help="Predict how popular a song will be from its spectrogram and its metadata.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"songpop-tf {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    del version  # its callback has printed it


# `songpop-tf --help` lists the commands in this order.
app.command()(demo.demo)
app.command()(download.download)
app.command()(sample.sample)
app.command()(spectrogram.spectrogram)
app.command()(prepare.prepare)
app.command()(train.train)
app.command()(tune.tune)
app.command()(evaluate.evaluate)
app.command()(export.export)
app.command()(predict.predict)
app.command()(explain.explain)
app.command()(app_command)


def main() -> None:
    """Entry point of ``songpop-tf``."""
    open_standard_streams()
    interrupt_on_signals()
    try:
        # Before a command begins its own session, its options are read.
        with report_errors("--debug" in sys.argv, "starting the program"):
            app()
    finally:
        flush_output()
