"""The command ``train``: train models."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from songpop_tf.cli.common import (
    Branch,
    ConfigFile,
    ConfigSeed,
    DataFolder,
    Debug,
    command_line,
    tensorflow_session,
)


def train(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run resumes.")],
    approach: Annotated[
        Literal["naive", "better", "both"],
        typer.Option(help="naive: from scratch; better: in stages, with frozen branches; or both."),
    ] = "both",
    branch: Annotated[Branch, typer.Option(help="Models to train.")] = "all",
    config: ConfigFile = None,
    seed: ConfigSeed = None,
    histograms: Annotated[
        bool, typer.Option("--histograms", help="Write weight histograms for TensorBoard.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train the selected models.

    Skips models that an earlier call has finished and resumes an interrupted one.

    \b
    Example:
      songpop-tf train --data data --out run --approach both
    """
    with tensorflow_session(debug, f"training {out} on {data}") as console:
        from pipelines.prepared_data import PreparedData
        from songpop_tf.config import resolve_config
        from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY
        from songpop_tf.training.configurations import select_configurations
        from songpop_tf.training.run import Run
        from songpop_tf.training.trainer import Trainer

        settings = resolve_config(config, seed)
        prepared = PreparedData.open(data)
        run = Run.start(out, prepared, settings)
        log_dir = out / LOG_DIRECTORY
        trainer = Trainer(prepared, run, settings, console, log_dir=log_dir, histograms=histograms)
        trainer.train(select_configurations(approach, branch))
        console.print(f"TensorBoard: {command_line('tensorboard', '--logdir', log_dir)}")
        options = ("--data", data, "--run", out)
        console.print(f"Next: {command_line('songpop-tf', 'evaluate', *options)}")
