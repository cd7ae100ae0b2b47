"""The command ``predict``: predict one song or a CSV file of songs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import InputError
from songpop_tf.cli.common import Debug, Seed, console_session, tensorflow_session
from songpop_tf.console import Console

if TYPE_CHECKING:
    from songpop_tf.serving.predictor import Predictor, Song


def predict(
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder written by `train` or `export`; default: the pre-trained model that is "
            "installed with the program, which reads no spectrograms."
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Model on a server: http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME."
        ),
    ] = None,
    artist: Annotated[str, typer.Option(help="Artist, as in the data.")] = "",
    title: Annotated[str, typer.Option(help="Title.")] = "",
    year: Annotated[int | None, typer.Option(help="Year of release; omit if unknown.")] = None,
    spectrogram: Annotated[Path | None, typer.Option(help="PNG as in the data set.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Songs: columns artist, title, year, optionally spectrogram (a path)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --csv: output file, the CSV with popularity.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Predict one song or a CSV file of songs.

    Selects the model for the known inputs: with or without spectrogram, pre-trained if available.

    \b
    Examples:
      songpop-tf predict --artist "Fleetwood Mac" --title Dreams --year 1977
      songpop-tf predict --model run --csv songs.csv --out predicted.csv
      songpop-tf predict --url http://localhost:8501/v1/models/songpop --artist Cher --title Believe
    """
    del seed  # every command has the option; nothing is random here
    has_song = bool(artist or title or year is not None or spectrogram)
    if has_song == (csv is not None) or (csv is None) != (out is None):
        raise typer.BadParameter("give one song (--artist, --title, ...), or --csv with --out")
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    session = tensorflow_session if _needs_tensorflow(model, url) else console_session
    with session(debug) as console:
        if csv is not None and out is not None:
            _predict_csv(_open(model, url), csv, out, as_json, console)
        else:
            song = _song(artist, title, year, spectrogram)
            _predict_song(_open(model, url), song, as_json, console)


def _needs_tensorflow(model: Path | None, url: str | None) -> bool:
    """Whether the prediction needs `import tensorflow`, which takes seconds."""
    if url is not None:
        return not url.startswith("http")
    from songpop_tf.serving.schema import newest_version

    try:
        return model is not None and newest_version(model) is None
    except OSError:  # reported when the model is opened
        return False


def _open(model: Path | None, url: str | None) -> "Predictor":
    from songpop_tf.serving.loading import connect, open_predictor
    from songpop_tf.serving.pretrained import pretrained_model

    return connect(url) if url is not None else open_predictor(model or pretrained_model())


def _song(artist: str, title: str, year: int | None, spectrogram: Path | None) -> "Song":
    from songpop_tf.serving.predictor import Song

    if year == 0:
        raise InputError("--year: expected a year, received 0; omit it if it is unknown")
    return Song(artist, title, year or 0, spectrogram)


def _predict_song(predictor: "Predictor", song: "Song", as_json: bool, console: Console) -> None:
    from songpop_tf.serving.schema import OUTPUTS

    predictor.check(song)
    prediction = predictor.predict([song])[0]
    if isinstance(prediction, InputError):
        raise prediction
    popularity, low, high = prediction
    if as_json:
        fields = {"artist": song.artist, "title": song.title, "year": song.year or None}
        outputs = zip(OUTPUTS, (round(value, 2) for value in prediction), strict=True)
        console.print(json.dumps({**fields, **dict(outputs)}, ensure_ascii=False))
    else:
        console.print(f"{popularity:.1f}  (90 % interval: {low:.0f} to {high:.0f})")


def _predict_csv(
    predictor: "Predictor", csv: Path, out: Path, as_json: bool, console: Console
) -> None:
    from songpop_tf.serving.predict_csv import count_rows, predict_csv

    total = count_rows(csv)
    console.progress("predicting", 0, total)
    failed = predict_csv(
        predictor,
        csv,
        out,
        on_progress=console.advance,
        on_error=lambda error: typer.echo(f"songpop-tf: {error}", err=True),
    )
    if as_json:
        console.print(json.dumps({"rows": total, "failed": failed, "out": str(out)}))
    else:
        console.print(f"{total - failed} of {total} rows predicted: {out}")
    if failed:
        raise InputError(f"{csv}: {failed} of {total} rows could not be predicted")
