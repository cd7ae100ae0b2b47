"""The command ``prepare``: link, split and resize the songs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from songpop_tf.cli.common import Debug, Seed, command_line, tensorflow_session

if TYPE_CHECKING:
    from pipelines.prepared_data import PreparedData


def prepare(
    tracks: Annotated[
        list[Path],
        typer.Option(
            metavar="<path>",
            help="Table in the layout of tracks.csv; may be repeated, the first has the labels.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the prepared data.")],
    spectrograms: Annotated[
        str | None,
        typer.Option(
            metavar="<path>",
            help="Folder of <year>/<Artist>_-_<Title>.png files; with --runner also gs://...",
        ),
    ] = None,
    audio: Annotated[
        str | None,
        typer.Option(
            metavar="<path>",
            help="Folder of sound files, beside or instead of --spectrograms.",
        ),
    ] = None,
    split: Annotated[
        Literal["random", "artist", "time"],
        typer.Option(help="Test songs: random ones, those of unseen artists, or the newest."),
    ] = "random",
    max_bad: Annotated[
        float, typer.Option(help="Largest share of images or rows that may be rejected.")
    ] = 0.05,
    runner: Annotated[
        str | None,
        typer.Option(
            metavar="<name>",
            help="Convert the files with this runner of Apache Beam, such as DirectRunner.",
        ),
    ] = None,
    beam_option: Annotated[
        list[str] | None,
        typer.Option(metavar="<name=value>", help="Option of Apache Beam; may be repeated."),
    ] = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Link, split and resize the songs.

    Links spectrograms or sound files to tracks by name or tags; images become 256 x 1024.

    \b
    Example:
      songpop-tf prepare --spectrograms sample/spectrograms --tracks sample/tracks.csv --out data
    """
    if spectrograms is None and audio is None:
        raise typer.BadParameter("give --spectrograms, --audio, or both")
    if beam_option and runner is None:
        raise typer.BadParameter("give --runner with --beam-option")
    with tensorflow_session(debug, f"preparing {out}") as console:
        from pipelines.audio.calibration import folder_warning
        from pipelines.config import SplitConfig
        from pipelines.prepare import PrepareOptions
        from pipelines.prepare import prepare as prepare_songs
        from pipelines.source_folders import to_folder
        from pipelines.spectrograms.widths import resized_warning

        options = PrepareOptions(
            None if spectrograms is None else to_folder(spectrograms),
            tracks,
            SplitConfig(protocol=split, seed=seed),
            max_bad,
            None if audio is None else to_folder(audio),
            runner,
            beam_option or (),
        )
        data = prepare_songs(
            options,
            out,
            console.progress,
            on_assumption=lambda note: typer.echo(f"songpop-tf: {note}", err=True),
        )
        paths = [data.folders.path(file) for file in data.songs.file if _is_local_image(data, file)]
        if paths and (warning := folder_warning(paths)):
            typer.echo(f"songpop-tf: warning: {spectrograms}: {warning}", err=True)
        if resized := resized_warning(paths):
            typer.echo(f"songpop-tf: warning: {resized}", err=True)
        counts = data.manifest["counts"]
        for name in ("linkage", "songs", "metadata", "quarantine"):
            listed = ", ".join(f"{count:,} {kind}" for kind, count in counts[name].items())
            console.print(f"{name:<11} {listed or 'none'}")
        next_command = command_line("songpop-tf", "train", "--data", out, "--out", "run")
        console.print(f"Next: {next_command}")


def _is_local_image(data: "PreparedData", file: str) -> bool:
    """Whether a song's file is a spectrogram on this machine."""
    from pipelines.source_folders import is_spectrogram

    return is_spectrogram(file) and not data.folders.is_remote(file)
