"""The command that searches better settings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from songpop_tf.cli.session import DataFolder, Debug, app, tensorflow_session


@app.command()
def tune(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="Folder of the search; an interrupted one goes on.")],
    branch: Annotated[
        Literal["text", "cnn", "combined", "all"],
        typer.Option(help="A branch, the head on frozen branches, or each in turn."),
    ] = "all",
    algorithm: Annotated[
        Literal["random", "bayesian", "hyperband", "optuna"],
        typer.Option(help="How the next values are chosen; optuna also ends hopeless trials."),
    ] = "optuna",
    trials: Annotated[
        int, typer.Option(min=1, help="How many for each branch, the defaults included.")
    ] = 20,
    config: Annotated[
        Path | None, typer.Option(help="TOML to start from, as of `train --config`.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Database for --algorithm optuna that several machines share; a file in --out if "
            "not given.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Same seed, same search; overrides the TOML's."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Search for better settings.

    Writes best.toml for `train --config`: the settings it started from (--config), with the best
    found for the branch; and a table of the trials and figures. The first trial is what it started
    from. Start the same command twice, and both share the work (--algorithm optuna).

    \b
    Example:
      songpop-tf tune --data data --out tuned --branch cnn --algorithm optuna --trials 20
    """
    if storage is not None and (algorithm != "optuna" or branch == "all"):
        raise typer.BadParameter("--storage needs --algorithm optuna, and one --branch")
    with tensorflow_session(debug) as console:
        import optuna

        from pipelines.prepared import PreparedData
        from songpop_tf.board.board import FOLDER
        from songpop_tf.config import run_config
        from songpop_tf.tuning.search import BEST, Plan, search

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        base = run_config(config, seed)
        prepared = PreparedData.open(data)
        search(prepared, out, branch, Plan(algorithm, trials, storage), base, console)
        names = ("text", "cnn", "combined") if branch == "all" else (branch,)
        for name in names:
            console.say(f"Watch: tensorboard --logdir {out / name / FOLDER}")
        command = f"songpop-tf train --data {data} --out {out / 'run'} --config {out / BEST}"
        console.say(f"Next: {command}")
