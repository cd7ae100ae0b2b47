"""The command that predicts songs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import InputError
from songpop_tf.cli.session import Debug, Seed, app, plain_session, tensorflow_session
from songpop_tf.console import Console

if TYPE_CHECKING:
    from songpop_tf.serving.predict import Predictor, Song


@app.command()
def predict(
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder written by `train` or `export`; if not given, the model that comes with "
            "the program, which reads no spectrograms."
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Ask a server instead: http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME."
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
      songpop-tf predict --url http://localhost:8501/v1/models/songpop --artist Cher --title Believe
    """
    del seed  # every command takes one; nothing is random here
    one_song = bool(artist or title or year is not None or spectrogram)
    if one_song == (csv is not None) or (csv is None) != (out is None):
        raise typer.BadParameter("give one song (--artist, --title, ...), or --csv with --out")
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    light = _answers_without_tensorflow(model, url)
    with plain_session(debug) if light else tensorflow_session(debug) as console:
        if csv is not None and out is not None:
            _predict_csv(_open(model, url), csv, out, as_json, console)
        else:
            song = _song(artist, title, year, spectrogram)
            _predict_song(_open(model, url), song, as_json, console)


def _answers_without_tensorflow(model: Path | None, url: str | None) -> bool:
    """Whether asking needs no `import tensorflow`, which takes seconds."""
    if url is not None:
        return url.startswith("http")
    from songpop_tf.serving.names import newest_graph

    try:
        return model is None or newest_graph(model) is not None
    except OSError:  # told where the model is opened
        return True


def _open(model: Path | None, url: str | None) -> "Predictor":
    if url is not None:
        from songpop_tf.serving.client import connect

        return connect(url)
    from songpop_tf.serving.open import open_predictor
    from songpop_tf.serving.shipped import shipped_model

    return open_predictor(model or shipped_model())


def _song(artist: str, title: str, year: int | None, spectrogram: Path | None) -> "Song":
    from songpop_tf.serving.predict import Song

    if year == 0:
        raise InputError("--year: expected a year, received 0; leave it out if it is unknown")
    return Song(artist, title, year or 0, spectrogram)


def _predict_song(predictor: "Predictor", song: "Song", as_json: bool, console: Console) -> None:
    from songpop_tf.serving.names import OUTPUTS

    predictor.check(song)
    found = predictor.predict([song])[0]
    if isinstance(found, InputError):
        raise found
    if as_json:
        known = {"artist": song.artist, "title": song.title, "year": song.year or None}
        numbers = zip(OUTPUTS, (round(number, 2) for number in found), strict=True)
        console.say(json.dumps({**known, **dict(numbers)}, ensure_ascii=False))
    else:
        console.say(f"{found.popularity:.1f}  (9 in 10 songs: {found.low:.0f} to {found.high:.0f})")


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
        console.advance,
        lambda problem: typer.echo(f"songpop-tf: {problem}", err=True),
    )
    if as_json:
        console.say(json.dumps({"rows": total, "failed": failed, "out": str(out)}))
    else:
        console.say(f"{total - failed} of {total} rows predicted: {out}")
    if failed:
        raise InputError(f"{csv}: {failed} of {total} rows could not be predicted")
