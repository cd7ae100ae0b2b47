"""The commands that get data and prepare it; `demo`, which starts with a sample, comes first."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from songpop_tf.cli.session import Debug, Seed, app, plain_session, tensorflow_session


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("demo"),
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Run everything on a generated sample.

    Draws songs, prepares them, trains every model, compares them and predicts, in minutes.

    \b
    Example:
      songpop-tf demo --out demo
    """
    with tensorflow_session(debug) as console:
        from songpop_tf.demo import run_demo

        run_demo(out, seed, console)


@app.command()
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
    del seed  # every command takes one; nothing is random here
    with plain_session(debug) as console:
        from pipelines.download import download as fetch

        spectrograms, tracks = fetch(out)
        console.say(
            f"Next: songpop-tf prepare --spectrograms {spectrograms} --tracks {tracks} --out data"
        )


@app.command()
def sample(
    directory: Annotated[Path, typer.Argument(help="Folder for spectrograms and tracks.csv.")],
    songs: Annotated[int, typer.Option(help="Songs with a spectrogram.")],
    seconds: Annotated[
        float | None, typer.Option(help="Length of each song; a natural one if not given.")
    ] = None,
    tracks: Annotated[
        Path | None, typer.Option(help="Real songs to render, in the layout of tracks.csv.")
    ] = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Generate data in the two Kaggle layouts.

    \b
    Example:
      songpop-tf sample sample --songs 200 --seconds 30
    """
    with plain_session(debug) as console:
        from pipelines.sample import write_sample

        write_sample(
            directory,
            songs,
            seconds=seconds,
            tracks=tracks,
            seed=seed,
            progress=lambda done, of: console.progress("drawing spectrograms", done, of),
        )
        console.say(f"{songs} spectrograms in {directory / 'spectrograms'}")
        console.say(
            f"Next: songpop-tf prepare --spectrograms {directory / 'spectrograms'} "
            f"--tracks {directory / 'tracks.csv'} --out data"
        )


@app.command()
def prepare(
    spectrograms: Annotated[
        Path, typer.Option(help="Folder of <year>/<Artist>_-_<Title>.png files.")
    ],
    tracks: Annotated[
        list[Path],
        typer.Option(
            metavar="<path>",
            help="Table in the layout of tracks.csv; may be repeated, the first has the labels.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the prepared data.")],
    split: Annotated[
        Literal["random", "artist", "time"],
        typer.Option(help="Which songs are held out: any, those of unseen artists, the newest."),
    ] = "random",
    max_bad: Annotated[
        float, typer.Option(help="Largest share of images or rows that may be rejected.")
    ] = 0.05,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Link, split and shrink the songs.

    Spectrogram files are linked to tracks by name; their images are resized to 256 x 1024.

    \b
    Example:
      songpop-tf prepare --spectrograms sample/spectrograms --tracks sample/tracks.csv --out data
    """
    with tensorflow_session(debug) as console:
        from pipelines.prepare import PrepareOptions
        from pipelines.prepare import prepare as run
        from songpop_tf.config import SplitConfig

        options = PrepareOptions(
            spectrograms, tracks, SplitConfig(protocol=split, seed=seed), max_bad
        )
        counts = run(options, out, console.progress).manifest["counts"]
        for name in ("linkage", "songs", "metadata", "quarantine"):
            listed = ", ".join(f"{count:,} {kind}" for kind, count in counts[name].items())
            console.say(f"{name:<11} {listed or 'none'}")
        console.say(f"Next: songpop-tf train --data {out} --out run")
