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
    devices: Annotated[
        Literal["one", "all"],
        typer.Option(help="all: divide each batch among the GPUs of this machine."),
    ] = "one",
    mixed_precision: Annotated[
        bool, typer.Option("--mixed-precision", help="Compute in bfloat16; for GPUs that have it.")
    ] = False,
    histograms: Annotated[
        bool, typer.Option("--histograms", help="Write weight histograms for TensorBoard.")
    ] = False,
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Log to this MLflow server or database, sqlite:///FILE."),
    ] = None,
    wandb: Annotated[bool, typer.Option("--wandb", help="Log to Weights & Biases.")] = False,
    debug: Debug = False,
) -> None:
    """Train the selected models.

    Skips models that an earlier call has finished and resumes an interrupted one.

    \b
    Example:
      songpop-tf train --data data --out run --approach both
    """
    with tensorflow_session(debug, f"training {out} on {data}") as console:
        from songpop_tf import commands
        from songpop_tf.config import resolve_config
        from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY

        commands.train(
            data,
            out,
            approach=approach,
            branch=branch,
            config=resolve_config(config, seed, mixed_precision=mixed_precision),
            devices=devices,
            histograms=histograms,
            mlflow=mlflow,
            wandb=wandb,
            console=console,
        )
        logs = command_line("tensorboard", "--logdir", out / LOG_DIRECTORY)
        console.print(f"TensorBoard: {logs}")
        options = ("--data", data, "--run", out)
        console.print(f"Next: {command_line('songpop-tf', 'evaluate', *options)}")
