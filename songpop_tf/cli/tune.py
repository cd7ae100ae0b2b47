"""The command ``tune``: search for better settings."""

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


def tune(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the search; an interrupted search resumes.")],
    branch: Annotated[
        Branch,
        typer.Option(
            help="Models to tune; combined: the head on frozen branches; all: each in turn."
        ),
    ] = "all",
    algorithm: Annotated[
        Literal["random", "bayesian", "hyperband", "optuna"],
        typer.Option(help="Search algorithm; optuna also prunes unpromising trials."),
    ] = "optuna",
    trials: Annotated[
        int, typer.Option(min=1, help="Trials for each branch, including the starting settings.")
    ] = 20,
    config: ConfigFile = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Database shared by several machines, for --algorithm optuna; default: a file in "
            "--out.",
        ),
    ] = None,
    seed: ConfigSeed = None,
    debug: Debug = False,
) -> None:
    """Search for better settings.

    The first trial evaluates the starting settings: the defaults, or those of --config. Writes
    best.toml for `train --config` (the starting settings, with the best hyperparameters), a table
    of the trials, and figures. Two processes that run the same command share the trials
    (--algorithm optuna).

    \b
    Example:
      songpop-tf tune --data data --out tuned --branch cnn --algorithm optuna --trials 20
    """
    if storage is not None and (algorithm != "optuna" or branch == "all"):
        raise typer.BadParameter("--storage needs --algorithm optuna, and one --branch")
    with tensorflow_session(debug, f"tuning {out} on {data}") as console:
        import optuna

        from songpop_tf import commands
        from songpop_tf.config import resolve_config
        from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY
        from songpop_tf.training.configurations import BRANCHES
        from songpop_tf.tuning.search import BEST_CONFIG_FILE

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        commands.tune(
            data,
            out,
            branch=branch,
            algorithm=algorithm,
            trials=trials,
            config=resolve_config(config, seed),
            storage=storage,
            console=console,
        )
        for name in BRANCHES if branch == "all" else (branch,):
            logs = command_line("tensorboard", "--logdir", out / name / LOG_DIRECTORY)
            console.print(f"TensorBoard: {logs}")
        options = ("--data", data, "--out", out / "run", "--config", out / BEST_CONFIG_FILE)
        console.print(f"Next: {command_line('songpop-tf', 'train', *options)}")
