"""The command ``predict``: predict one song or a CSV file of songs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from pipelines.errors import InputError
from songpop_tf.cli.common import Debug, Seed, console_session, tensorflow_session
from songpop_tf.cli.song_options import (
    Artist,
    ModelFolder,
    ModelUrl,
    Spectrogram,
    Title,
    Year,
    needs_tensorflow,
    open_model,
    song_of_options,
    tagged_song,
    warn_of_resized,
)
from songpop_tf.console import Console

if TYPE_CHECKING:
    from songpop_tf.explanation.explain import FieldExplanation
    from songpop_tf.serving.predictor import Prediction, Predictor
    from songpop_tf.serving.song import Song


def predict(
    audio_files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[AUDIO]...",
            help="Sound files; artist, title and year come from their tags or names.",
        ),
    ] = None,
    model: ModelFolder = None,
    url: ModelUrl = None,
    artist: Artist = "",
    title: Title = "",
    year: Year = None,
    spectrogram: Spectrogram = None,
    audio: Annotated[Path | None, typer.Option(help="Sound file, as AUDIO.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Songs: columns artist, title, year, optionally spectrogram or audio (paths)."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --csv: output file, the CSV with popularity.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which words, seconds and frequencies matter.")
    ] = False,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Predict sound files, one song, or a CSV file of songs.

    Selects the model for the known inputs: with or without spectrogram, pre-trained if available.

    \b
    Examples:
      songpop-tf predict dreams.mp3
      songpop-tf predict --artist "Fleetwood Mac" --title Dreams --year 1977
      songpop-tf predict --artist "Fleetwood Mac" --title Dreams --year 1977 --explain
      songpop-tf predict --model run --csv songs.csv --out predicted.csv
      songpop-tf predict --url http://localhost:8501/v1/models/songpop --artist Cher --title Believe
    """
    del seed  # every command has the option; nothing is random here
    files = [*(audio_files or []), *([audio] if audio else [])]
    fields = bool(artist or title or year is not None or spectrogram)
    if (fields or bool(files)) == (csv is not None) or (csv is None) != (out is None):
        raise typer.BadParameter(
            "give sound files, one song (--artist, --title, ...), or --csv with --out"
        )
    if files and (spectrogram or (len(files) > 1 and fields)):
        raise typer.BadParameter(
            "--artist, --title and --year are for a single sound file, --spectrogram for none"
        )
    if csv is not None and explain:
        raise typer.BadParameter("--explain is for songs, not for --csv")
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    session = tensorflow_session if needs_tensorflow(model, url) else console_session
    with session(debug, f"predicting with {url or model or 'the pre-trained model'}") as console:
        predictor = open_model(model, url)
        if csv is not None and out is not None:
            _predict_csv(predictor, csv, out, as_json, console)
        elif files:
            printed = _Printed(as_json, explain)
            _predict_files(predictor, files, (artist, title, year), printed, console)
        else:
            song = song_of_options(artist, title, year, spectrogram)
            _predict_song(predictor, song, _Printed(as_json, explain), console, named=False)


class _Printed(NamedTuple):
    """What is printed of a song: JSON or text, and its whole explanation."""

    as_json: bool
    explain: bool


def _predict_files(
    predictor: "Predictor",
    files: list[Path],
    fields: tuple[str, str, int | None],
    printed: _Printed,
    console: Console,
) -> None:
    """Print a line for each sound file; those that cannot be predicted are reported.

    Raises:
        InputError: a file cannot be predicted.
    """
    errors = []
    for done, file in enumerate(files):
        console.progress("predicting", done, len(files))
        try:
            song = tagged_song(file, *fields, predictor)
            _predict_song(predictor, song, printed, console, named=True)
        except InputError as error:
            errors.append(error)
            if len(files) > 1:
                typer.echo(f"songpop-tf: {error}", err=True)
    console.progress("predicting", len(files), len(files))
    if len(files) == 1 and errors:
        raise errors[0]
    if errors:
        raise InputError(f"{len(errors)} of {len(files)} sound files could not be predicted")


def _predict_song(
    predictor: "Predictor", song: "Song", printed: _Printed, console: Console, *, named: bool
) -> None:
    from songpop_tf.explanation.explain import explain, explain_fields, explanation_problem
    from songpop_tf.explanation.text import explanation_text, interval_text, song_name

    predictor.check(song)
    warn_of_resized(predictor)
    if printed.explain:
        explanation = explain(predictor, song)
        page = explanation_text(explanation) + ("\n" if named else "")
        console.print(json.dumps(explanation.to_json()) if printed.as_json else page)
        return
    fields = None
    if problem := explanation_problem(predictor, song):
        prediction = predictor.predict_songs([song])[0]
        if isinstance(prediction, InputError):
            raise prediction
        typer.echo(f"songpop-tf: no reasons given: {problem}", err=True)
    else:
        fields = explain_fields(predictor, song)
        prediction = fields.prediction
    if printed.as_json:
        console.print(json.dumps(_json_of(song, prediction, fields)))
    else:
        name = f"  {song_name(song)}" if named else ""
        console.print(f"{interval_text(prediction, fields)}{name}")


def _json_of(
    song: "Song", prediction: "Prediction", fields: "FieldExplanation | None"
) -> dict[str, Any]:
    from songpop_tf.serving.schema import OUTPUTS

    known = {"artist": song.artist, "title": song.title, "year": song.year or None}
    outputs = zip(OUTPUTS, (round(value, 2) for value in prediction), strict=True)
    return {**known, **dict(outputs), **({} if fields is None else fields.to_json())}


def _predict_csv(
    predictor: "Predictor", csv: Path, out: Path, as_json: bool, console: Console
) -> None:
    from pipelines.streams import is_stream
    from songpop_tf.serving.predict_csv import count_rows, open_songs, predict_csv

    table = open_songs(csv)
    for note in table.notes:
        typer.echo(f"songpop-tf: {note}", err=True)
    total = count_rows(table)
    console.progress("predicting", 0, total)
    failed = predict_csv(
        predictor,
        table,
        out,
        on_progress=console.advance,
        on_error=lambda error: typer.echo(f"songpop-tf: {error}", err=True),
        processes=None,
    )
    warn_of_resized(predictor)
    if is_stream(out):  # the output is the table alone
        typer.echo(f"songpop-tf: {total - failed} of {total} rows predicted", err=True)
    elif as_json:
        console.print(json.dumps({"rows": total, "failed": failed, "out": str(out)}))
    else:
        console.print(f"{total - failed} of {total} rows predicted: {out}")
    if failed:
        raise InputError(f"{csv}: {failed} of {total} rows could not be predicted")
