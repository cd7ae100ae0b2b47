"""The commands that make models: train, evaluate, export."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from songpop_tf.cli.session import DataFolder, Debug, Seed, app, tensorflow_session


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
    histograms: Annotated[
        bool, typer.Option("--histograms", help="Also weight histograms for TensorBoard.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train the models asked for.

    Models that an earlier call finished are kept; an interrupted one goes on.

    \b
    Example:
      songpop-tf train --data data --out run --approach both
    """
    with tensorflow_session(debug) as console:
        from pipelines.prepared import PreparedData
        from songpop_tf.board.board import FOLDER, Board
        from songpop_tf.config import run_config
        from songpop_tf.training.run import Run, configurations
        from songpop_tf.training.stages import Trainer

        settings = run_config(config, seed)
        prepared = PreparedData.open(data)
        run = Run.start(out, prepared, settings)
        board = Board(out / FOLDER, histograms)
        trainer = Trainer(prepared, run, settings, console, board=board)
        trainer.train(configurations(approach, branch))
        console.say(f"Watch: tensorboard --logdir {board.directory}")
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
    with tensorflow_session(debug) as console:
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
    kind: Annotated[
        Literal["savedmodel", "keras"],
        typer.Option("--format", help="For TensorFlow Serving, or the networks as .keras files."),
    ] = "savedmodel",
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
    with tensorflow_session(debug) as console:
        from songpop_tf.evaluation.card import CARD
        from songpop_tf.serving.export import export as write
        from songpop_tf.serving.warmup import can_warm_up
        from songpop_tf.training.run import Run

        version = write(Run.open(run), out, kind)
        console.say(f"Exported: {version}")
        if not (version / CARD).is_file():
            console.say(f"Without a model card: songpop-tf evaluate --data ... --run {run}")
        if kind == "keras":
            network = sorted(version.glob("*.keras"))[-1]
            console.say(f'Next: keras.models.load_model("{network}")')
            return
        if not can_warm_up():
            console.say("Without warm-up requests: they need pip install 'songpop-tf[serving]'")
        console.say(f"Next: songpop-tf predict --model {out} --artist ... --title ... --year ...")
