"""The command ``download``: download the two Kaggle data sets."""

from pathlib import Path
from typing import Annotated

import typer

from songpop_tf.cli.common import Debug, Seed, command_line, console_session


def download(
    out: Annotated[Path, typer.Option(help="Folder for both data sets (13 GB).")],
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Download the two Kaggle data sets.

    \b
    Example:
      songpop-tf download --out kaggle
    """
    del seed  # every command has the option; nothing is random here
    with console_session(debug, f"downloading to {out}") as console:
        from pipelines.tables.download import download_datasets

        spectrograms, tracks = download_datasets(out)
        sources = ("--spectrograms", spectrograms, "--tracks", tracks)
        console.print(f"Next: {command_line('songpop-tf', 'prepare', *sources, '--out', 'data')}")
