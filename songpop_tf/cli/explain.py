"""The command ``explain``: why a song is predicted as it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from songpop_tf.explanation.explain import Explanation

_SUFFIXES = (".png", ".html", ".json")


def explain(
    audio: Annotated[
        Path | None,
        typer.Argument(
            metavar="[AUDIO]", help="Sound file; artist, title and year come from its tags or name."
        ),
    ] = None,
    model: ModelFolder = None,
    url: ModelUrl = None,
    artist: Artist = "",
    title: Title = "",
    year: Year = None,
    spectrogram: Spectrogram = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Figure (.png), page (.html) or numbers (.json); default: print text."),
    ] = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Explain a prediction: fields, words, seconds and frequencies.

    Shows by how many points each of them raises or lowers the predicted popularity, and the song's
    place among the training songs of its year.

    \b
    Examples:
      songpop-tf explain --artist "Fleetwood Mac" --title Dreams --year 1977
      songpop-tf explain dreams.mp3 --model run --out why.html
    """
    del seed  # every command has the option; nothing is random here
    if audio is not None and spectrogram is not None:
        raise typer.BadParameter("give a sound file or --spectrogram, not both")
    if url is not None and model is not None:
        raise typer.BadParameter("give --model or --url, not both")
    if out is not None and out.suffix.lower() not in _SUFFIXES:
        raise typer.BadParameter(f"--out: expected a file {', '.join(_SUFFIXES)}, received {out}")
    session = tensorflow_session if needs_tensorflow(model, url) else console_session
    doing = f"explaining a prediction with {url or model or 'the pre-trained model'}"
    with session(debug, doing) as console:
        from songpop_tf.explanation.explain import explain as explain_song

        predictor = open_model(model, url)
        if audio is None:
            song = song_of_options(artist, title, year, spectrogram)
        else:
            song = tagged_song(audio, artist, title, year, predictor)
        predictor.check(song)
        warn_of_resized(predictor)
        explanation = explain_song(predictor, song)
        if out is None:
            from songpop_tf.explanation.text import explanation_text

            console.print(explanation_text(explanation))
        else:
            _write(explanation, out)
            console.print(f"explained: {out}")


def _write(explanation: "Explanation", out: Path) -> None:
    if out.is_dir():
        raise InputError(f"{out}: expected a file, received a folder")
    if out.suffix.lower() == ".json":
        from pipelines.io import write_json

        write_json(out, explanation.to_json())
    elif out.suffix.lower() == ".html":
        from songpop_tf.explanation.page import write_page

        write_page(explanation, out)
    else:
        from songpop_tf.explanation.figure import missing_characters, write_figure

        if missing := missing_characters(explanation):
            typer.echo(
                f"songpop-tf: no installed font has the characters {missing}; they are drawn as "
                "boxes. Install one (Debian: fonts-noto-cjk), or choose --out FILE.html",
                err=True,
            )
        write_figure(explanation, out)
