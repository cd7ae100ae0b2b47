"""The command ``spectrogram``: sound files to spectrogram PNGs."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import InputError
from songpop_tf.cli.common import Debug, Seed, command_line, console_session


def spectrogram(
    audio: Annotated[
        list[Path], typer.Argument(metavar="AUDIO...", help="Sound files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for <year>/<Artist>_-_<Title>.png.")],
    year: Annotated[
        int | None, typer.Option(help="Year of songs whose tags and folders name none.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Make gray levels like those of at least 30 original spectrograms.",
        ),
    ] = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Draw spectrograms of sound files as in the data set.

    Takes artist, title and year from tags, else from names like "Artist - Title.mp3". Existing
    spectrograms are kept.

    \b
    Example:
      songpop-tf spectrogram music --out spectrograms
    """
    del seed  # every command has the option; nothing is random here
    with console_session(debug, f"drawing spectrograms in {out}") as console:
        from pipelines.audio.calibration import folder_curve
        from pipelines.audio.convert import FAILURES_FILE, convert_audio, find_audio
        from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR

        if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
            raise InputError(f"--year: expected {FIRST_YEAR} to {LAST_YEAR}, received {year}")
        files = find_audio(audio)
        summary = convert_audio(
            files,
            out,
            year=year or UNKNOWN_YEAR,
            curve=folder_curve(out, calibrate, files),
            progress=lambda done, total: console.progress("drawing spectrograms", done, total),
        )
        existing = f", {summary.existing} already there" if summary.existing else ""
        console.print(f"{summary.converted} spectrograms written to {out}{existing}")
        for failure in summary.failures.head(10).itertuples():
            typer.echo(f"songpop-tf: {failure.file}: {failure.reason}", err=True)
        if len(summary.failures):
            raise InputError(
                f"{len(summary.failures)} of {len(files)} sound files have no spectrogram: see "
                f"{out / FAILURES_FILE}"
            )
        options = ("--spectrograms", out, "--tracks", "...", "--out", "data")
        console.print(f"Next: {command_line('songpop-tf', 'prepare', *options)}")
