"""The command ``predict``: predict one song or a CSV file of songs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from songpop_tf.cli.common import Debug, Seed, console_session, tensorflow_session
from songpop_tf.console import Console

if TYPE_CHECKING:
    from songpop_tf.serving.predictor import Predictor, Song


def predict(
    audio_files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[AUDIO]...",
            help="Sound files; artist, title and year come from their tags or names.",
        ),
    ] = None,
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
    artist: Annotated[str, typer.Option(help="Artist name.")] = "",
    title: Annotated[str, typer.Option(help="Title.")] = "",
    year: Annotated[int | None, typer.Option(help="Year of release; omit if unknown.")] = None,
    spectrogram: Annotated[Path | None, typer.Option(help="PNG as in the data set.")] = None,
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
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Predict sound files, one song, or a CSV file of songs.

    Selects the model for the known inputs: with or without spectrogram, pre-trained if available.

    \b
    Examples:
      songpop-tf predict dreams.mp3
      songpop-tf predict --artist "Fleetwood Mac" --title Dreams --year 1977
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
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    session = tensorflow_session if _needs_tensorflow(model, url) else console_session
    with session(debug, f"predicting with {url or model or 'the pre-trained model'}") as console:
        predictor = _open(model, url)
        if csv is not None and out is not None:
            _predict_csv(predictor, csv, out, as_json, console)
        elif files:
            _predict_files(predictor, files, (artist, title, year), as_json, console)
        else:
            song = _song(artist, title, year, spectrogram)
            _predict_song(predictor, song, as_json, console, named=False)


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
    from songpop_tf.serving.loading import connect, load

    return connect(url) if url is not None else load(model)


def _song(artist: str, title: str, year: int | None, spectrogram: Path | None) -> "Song":
    from songpop_tf.serving.predictor import Song

    return Song(artist, title, _year(year), spectrogram)


def _tagged_song(
    file: Path, artist: str, title: str, year: int | None, predictor: "Predictor"
) -> "Song":
    """A song from its sound file; options override its tags."""
    from pipelines.audio.decoding import read_audio
    from pipelines.audio.tags import read_tags
    from songpop_tf.serving.predictor import Song

    tags = read_tags(file)
    audio: Path | None = file
    if not predictor.reads_spectrograms:
        audio = None
        next(read_audio(file))  # raises if it is no sound file
        typer.echo(
            f"songpop-tf: {file}: this model reads no audio; predicting from the metadata alone",
            err=True,
        )
    return Song(artist or tags.artist, title or tags.title, _year(year) or tags.year, audio=audio)


def _year(year: int | None) -> int:
    if year == UNKNOWN_YEAR:
        raise InputError(f"--year: expected a year, received {year}; omit it if it is unknown")
    return UNKNOWN_YEAR if year is None else year


def _predict_files(
    predictor: "Predictor",
    files: list[Path],
    fields: tuple[str, str, int | None],
    as_json: bool,
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
            song = _tagged_song(file, *fields, predictor)
            _predict_song(predictor, song, as_json, console, named=True)
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
    predictor: "Predictor", song: "Song", as_json: bool, console: Console, *, named: bool
) -> None:
    from songpop_tf.serving.schema import OUTPUTS

    predictor.check(song)
    _warn_of_resized(predictor)
    prediction = predictor.predict_songs([song])[0]
    if isinstance(prediction, InputError):
        raise prediction
    popularity, low, high = prediction
    if as_json:
        known = {"artist": song.artist, "title": song.title, "year": song.year or None}
        outputs = zip(OUTPUTS, (round(value, 2) for value in prediction), strict=True)
        console.print(json.dumps({**known, **dict(outputs)}))
    else:
        name = f"  {_song_name(song)}" if named else ""
        console.print(f"{popularity:.1f}  (90 % interval: {low:.0f} to {high:.0f}){name}")


def _warn_of_resized(predictor: "Predictor") -> None:
    if warning := predictor.resized.warning:
        typer.echo(f"songpop-tf: warning: {warning}", err=True)


def _song_name(song: "Song") -> str:
    year = f" ({song.year})" if song.year else ""
    return " - ".join(part for part in (song.artist, song.title) if part) + year


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
    )
    _warn_of_resized(predictor)
    if is_stream(out):  # the output is the table alone
        typer.echo(f"songpop-tf: {total - failed} of {total} rows predicted", err=True)
    elif as_json:
        console.print(json.dumps({"rows": total, "failed": failed, "out": str(out)}))
    else:
        console.print(f"{total - failed} of {total} rows predicted: {out}")
    if failed:
        raise InputError(f"{csv}: {failed} of {total} rows could not be predicted")
