"""The command ``export``: write a model for serving."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from songpop_tf.cli.common import Debug, RunFolder, Seed, command_line, tensorflow_session


def export(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="The model's folder, as saved_models/NAME.")],
    export_format: Annotated[
        Literal["tensorflow", "keras", "preset", "litert", "onnx", "openvino"],
        typer.Option(
            "--format",
            help="For TensorFlow Serving, or the networks for Keras, KerasHub or another runtime.",
        ),
    ] = "tensorflow",
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Write the models of a run as a SavedModel.

    TensorFlow Serving loads it without further steps; the inputs are PNG files and plain text.
    Each export is a new version: a numbered folder.

    \b
    Example:
      songpop-tf export --run run --out saved_models/songpop
    """
    del seed  # every command has the option; nothing is random here
    with tensorflow_session(debug, f"exporting {run} to {out}") as console:
        from songpop_tf.constants import MODEL_CARD_FILE
        from songpop_tf.serving.export import export as export_run
        from songpop_tf.serving.runtime_files import SCRIPT
        from songpop_tf.serving.warmup import can_warm_up
        from songpop_tf.training.run import Run

        version = export_run(Run.open(run), out, export_format)
        console.print(f"Exported: {version}")
        if not (version / MODEL_CARD_FILE).is_file():
            options = ("--data", "...", "--run", run)
            console.print(f"No model card: {command_line('songpop-tf', 'evaluate', *options)}")
        if export_format == "keras":
            network = sorted(version.glob("*.keras"))[-1]
            console.print(f"Next: keras.models.load_model({str(network)!r})")
            return
        if export_format == "preset":
            console.print(f"Next: songpop_tf.upload_preset('hf://USER/MODEL', {str(version)!r})")
            return
        if export_format != "tensorflow":
            console.print(f"Next: {command_line('python', version / SCRIPT)} ARTIST TITLE YEAR")
            return
        if not can_warm_up():
            console.print("No warm-up requests: pip install 'songpop-tf[serving]'")
        song = ("--artist", "...", "--title", "...", "--year", "...")
        console.print(f"Next: {command_line('songpop-tf', 'predict', '--model', out, *song)}")
