"""The command line: each command parses its options, calls the library and prints the result.

The commands import heavy packages themselves, so that ``songpop-tf --help`` responds immediately.
"""

import typer

from songpop_tf.cli import (
    demo,
    download,
    evaluate,
    export,
    predict,
    prepare,
    sample,
    spectrogram,
    train,
    tune,
)

app = typer.Typer(
    name="songpop-tf",
    help="Predict how popular a song will be from its spectrogram and its metadata.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

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


def main() -> None:
    """Entry point of ``songpop-tf``."""
    app()
