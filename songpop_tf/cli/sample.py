"""The command ``sample``: generate a synthetic sample."""

from pathlib import Path
from typing import Annotated

import typer

from songpop_tf.cli.common import Debug, Seed, command_line, console_session


def sample(
    directory: Annotated[Path, typer.Argument(help="Folder for spectrograms and tracks.csv.")],
    songs: Annotated[int, typer.Option(help="Number of songs with a spectrogram.")],
    seconds: Annotated[
        float | None, typer.Option(help="Length of each song; default: realistic lengths.")
    ] = None,
    tracks: Annotated[
        Path | None, typer.Option(help="Real songs to synthesize, in the layout of tracks.csv.")
    ] = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Synthesize songs, with spectrograms and tracks.csv in the two Kaggle layouts.

    \b
    Example:
      songpop-tf sample sample --songs 200 --seconds 30
    """
    with console_session(debug, f"generating songs in {directory}") as console:
        from pipelines.synthetic import AUDIO_DIRECTORY, write_sample

        write_sample(
            directory,
            songs,
            seconds=seconds,
            tracks=tracks,
            seed=seed,
            progress=lambda done, total: console.progress("synthesizing songs", done, total),
            on_assumption=lambda note: typer.echo(f"songpop-tf: {note}", err=True),
        )
        spectrograms = directory / "spectrograms"
        console.print(f"{songs} spectrograms in {spectrograms}")
        console.print(f"Some of the songs to listen to: {directory / AUDIO_DIRECTORY}")
        sources = ("--spectrograms", spectrograms, "--tracks", directory / "tracks.csv")
        console.print(f"Next: {command_line('songpop-tf', 'prepare', *sources, '--out', 'data')}")
