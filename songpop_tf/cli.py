"""The command line: parses, calls, prints; nothing else.

Heavy packages are imported inside the commands, so that ``songpop-tf --help`` answers at once.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

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
def _session(debug: bool) -> Iterator[Console]:
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
def _tensorflow_session(debug: bool) -> Iterator[Console]:
    """As :func:`_session`, for commands that need TensorFlow."""
    from songpop_tf.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    with _session(debug) as console:
        yield console


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
    with _tensorflow_session(debug) as console:
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
    with _session(debug) as console:
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
    with _session(debug) as console:
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
    with _tensorflow_session(debug) as console:
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


@app.command()
def train(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted one goes on.")],
    approach: Annotated[
        Literal["naive", "better", "both"],
        typer.Option(help="From scratch; or branches pre-trained apart and frozen; or both."),
    ] = "both",
    branch: Annotated[
        Literal["text", "cnn", "combined", "all"], typer.Option(help="Which models to train.")
    ] = "all",
    config: Annotated[
        Path | None, typer.Option(help="TOML with settings that differ from the defaults.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Same seed, same result; overrides the TOML's."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train the models asked for.

    Models that an earlier call finished are kept; an interrupted one goes on.

    \b
    Example:
      songpop-tf train --data data --out run --approach both
    """
    with _tensorflow_session(debug) as console:
        import dataclasses

        from pipelines.prepared import PreparedData
        from songpop_tf.config import RunConfig, load_config
        from songpop_tf.training.run import Run, configurations
        from songpop_tf.training.stages import Trainer

        settings = load_config(config) if config is not None else RunConfig()
        if seed is not None:
            settings = dataclasses.replace(settings, seed=seed)
        prepared = PreparedData.open(data)
        run = Run.start(out, prepared, settings)
        Trainer(prepared, run, settings, console).train(configurations(approach, branch))
        console.say(f"Next: songpop-tf evaluate --data {data} --run {out}")


@app.command()
def evaluate(
    data: DataFolder,
    run: Annotated[Path, typer.Option(help="Folder written by `train`.")],
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Compare models and baselines.

    Measures them on the test songs and writes evaluation.json, report.md and figures.

    \b
    Example:
      songpop-tf evaluate --data data --run run
    """
    with _tensorflow_session(debug) as console:
        from pipelines.prepared import PreparedData
        from songpop_tf.evaluation.evaluate import evaluate as measure
        from songpop_tf.evaluation.report import REPORT, text_table
        from songpop_tf.training.run import Run

        evaluation = measure(PreparedData.open(data), Run.open(run), seed, console)
        console.say(text_table(evaluation))
        console.say(f"Report and figures: {run / REPORT}")


@app.command()
def export(
    run: Annotated[Path, typer.Option(help="Folder written by `train`.")],
    out: Annotated[Path, typer.Option(help="The model's folder, as saved_models/NAME.")],
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Write the models of a run as a SavedModel.

    TensorFlow Serving loads it as it is: PNG files and plain words go in. It becomes the next
    version, a numbered folder.

    \b
    Example:
      songpop-tf export --run run --out saved_models/songpop
    """
    del seed  # every command takes one; nothing is random here
    with _tensorflow_session(debug) as console:
        from songpop_tf.serving.export import export as write
        from songpop_tf.training.run import Run

        version = write(Run.open(run), out)
        console.say(f"Exported: {version}")
        console.say(f"Next: songpop-tf predict --model {out} --artist ... --title ... --year ...")


@app.command()
def predict(
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder written by `train` or `export`; if not given, the model that comes with "
            "the program, which reads no spectrograms."
        ),
    ] = None,
    artist: Annotated[str, typer.Option(help="Artist, as in the data.")] = "",
    title: Annotated[str, typer.Option(help="Title.")] = "",
    year: Annotated[int | None, typer.Option(help="Year of release; leave out if unknown.")] = None,
    spectrogram: Annotated[Path | None, typer.Option(help="PNG as in the data set.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Songs: artist, title, year and maybe spectrogram (a path).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --csv: the copy with popularity.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Predict one song or a CSV of songs.

    Uses the model that fits what is given: with or without spectrogram, pre-trained if there is
    one.

    \b
    Examples:
      songpop-tf predict --artist "Fleetwood Mac" --title Dreams --year 1977
      songpop-tf predict --model run --csv songs.csv --out predicted.csv
    """
    del seed  # every command takes one; nothing is random here
    one_song = bool(artist or title or year is not None or spectrogram)
    if one_song == (csv is not None) or (csv is None) != (out is None):
        raise typer.BadParameter("give one song (--artist, --title, ...), or --csv with --out")
    with _tensorflow_session(debug) as console:
        from songpop_tf.serving.shipped import shipped_model

        model = model or shipped_model()
        if csv is not None and out is not None:
            _predict_csv(model, csv, out, as_json, console)
        else:
            _predict_song(model, artist, title, year, spectrogram, as_json, console)


def _predict_song(
    model: Path,
    artist: str,
    title: str,
    year: int | None,
    spectrogram: Path | None,
    as_json: bool,
    console: Console,
) -> None:
    from songpop_tf.serving.names import OUTPUTS
    from songpop_tf.serving.open import open_predictor
    from songpop_tf.serving.predict import Song

    if year == 0:
        raise InputError("--year: expected a year, received 0; leave it out if it is unknown")
    song = Song(artist, title, year or 0, spectrogram)
    predictor = open_predictor(model)
    predictor.check(song)
    found = predictor.predict([song])[0]
    if as_json:
        known = {"artist": artist, "title": title, "year": year}
        numbers = zip(OUTPUTS, (round(number, 2) for number in found), strict=True)
        console.say(json.dumps({**known, **dict(numbers)}, ensure_ascii=False))
    else:
        console.say(f"{found.popularity:.1f}  (9 in 10 songs: {found.low:.0f} to {found.high:.0f})")


def _predict_csv(model: Path, csv: Path, out: Path, as_json: bool, console: Console) -> None:
    from songpop_tf.serving.open import open_predictor
    from songpop_tf.serving.predict_csv import count_rows, predict_csv

    total = count_rows(csv)
    predictor = open_predictor(model)
    console.progress("predicting", 0, total)
    problems = predict_csv(predictor, csv, out, console.advance)
    for problem in problems:
        typer.echo(f"songpop-tf: {problem}", err=True)
    if as_json:
        console.say(json.dumps({"rows": total, "failed": len(problems), "out": str(out)}))
    else:
        console.say(f"{total - len(problems)} of {total} rows predicted: {out}")
    if problems:
        raise InputError(f"{csv}: {len(problems)} of {total} rows could not be predicted")


def main() -> None:
    """Entry point of ``songpop-tf``."""
    app()
