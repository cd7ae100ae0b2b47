"""The commands that train, evaluate and tune as Python functions; paths are str or Path.

Each function imports what it needs: TensorFlow, Keras Tuner and Optuna take seconds.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipelines.io import StrPath
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.training.configurations import BRANCHES, require_choice, select_configurations

if TYPE_CHECKING:
    from keras.callbacks import Callback

    from songpop_tf.training.run import Run

Approach = Literal["naive", "better", "both"]
Devices = Literal["one", "all"]
BranchOrAll = Literal["text", "cnn", "combined", "all"]


def train(
    data: StrPath,
    out: StrPath,
    *,
    approach: Approach = "both",
    branch: BranchOrAll = "all",
    config: RunConfig | None = None,
    devices: Devices = "one",
    histograms: bool = False,
    callbacks: "Sequence[Callback]" = (),
    mlflow: str | None = None,
    wandb: bool = False,
    console: Console | None = None,
) -> "Run":
    """Train models, or resume an interrupted training.

    Args:
        data: folder written by `songpop-tf prepare`.
        out: folder of the run; TensorBoard logs are written there too.
        approach: "naive": from scratch; "better": in stages, with frozen branches; or "both".
        branch: the models to train; "combined" trains the branches that it needs.
        config: all settings, their seed included; None for the defaults.
        devices: "one", or "all": batches are divided among the GPUs of this machine.
        histograms: write weight histograms for TensorBoard.
        callbacks: Keras callbacks that are added to every training stage.
        mlflow: URI of an MLflow server or database to log to, finally the models with their
            signature; needs the extra ``mlflow``.
        wandb: log to Weights & Biases; needs the extra ``wandb``.
        console: prints the progress; None for standard output.

    Returns:
        The run. `songpop_tf.load` takes its folder.

    Raises:
        InputError: an argument or the data cannot be used, or the folder holds another run.
        FloatingPointError: a model diverged.
    """
    configurations = select_configurations(approach, branch)
    from pipelines.prepared_data import PreparedData
    from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY
    from songpop_tf.training.devices import distribution_strategy
    from songpop_tf.training.mlflow_log import MLflowLog
    from songpop_tf.training.run import Run
    from songpop_tf.training.trainer import Trainer
    from songpop_tf.training.wandb_log import wandb_run

    strategy = distribution_strategy(devices)
    settings = RunConfig() if config is None else config
    prepared = PreparedData.open(data)
    run = Run.start(out, prepared, settings)
    log = MLflowLog.start(mlflow, run, settings) if mlflow else None
    log_dir = Path(out) / LOG_DIRECTORY
    trainer = Trainer(
        prepared,
        run,
        settings,
        console or Console(),
        lambda stage: [*(log.callbacks(stage) if log else ()), *callbacks],
        log_dir=log_dir,
        histograms=histograms,
        strategy=strategy,
    )
    with (
        wandb_run(run, settings, log_dir) if wandb else nullcontext(),
        log.training() if log else nullcontext(),
    ):
        trainer.train(configurations)
        if log and "text" in run.best_by_branch():
            from songpop_tf.serving.mlflow_model import log_model

            log_model(log, run)
    return run


def evaluate(
    data: StrPath, run: StrPath, *, seed: int = 0, console: Console | None = None
) -> dict[str, Any]:
    """Compare the models of a run and the baselines on the test songs.

    Args:
        data: folder that the run was trained on.
        run: its folder; evaluation.json, report, figures and model card are written there, and
            logged to MLflow if the training was.
        seed: of the bootstrap and the baselines.
        console: shows the progress; None for standard error.

    Returns:
        Content of ``evaluation.json``.

    Raises:
        InputError: the run has no finished model, or was trained on other data.
    """
    from pipelines.prepared_data import PreparedData
    from songpop_tf.evaluation.evaluate import evaluate as evaluate_run
    from songpop_tf.training.mlflow_log import MLflowLog
    from songpop_tf.training.run import Run

    opened = Run.open(run)
    evaluation = evaluate_run(PreparedData.open(data), opened, seed, console or Console())
    if log := MLflowLog.open(opened):
        log.log_evaluation(evaluation)
    return evaluation


def tune(
    data: StrPath,
    out: StrPath,
    *,
    branch: BranchOrAll = "all",
    algorithm: str = "optuna",
    trials: int = 20,
    config: RunConfig | None = None,
    storage: str | None = None,
    console: Console | None = None,
) -> RunConfig:
    """Search for better settings, or resume an interrupted search.

    Args:
        data: folder written by `songpop-tf prepare`.
        out: folder of the search; best.toml, a table of the trials and figures are written there.
        branch: the models to tune; "combined": the head on frozen branches; "all": each in turn.
        algorithm: "random", "bayesian", "hyperband" or "optuna".
        trials: for each branch, the one of the starting settings included.
        config: the starting settings; None for the defaults.
        storage: database shared by several machines, with "optuna"; None for a file in ``out``.
        console: prints trials and epochs; None for standard output.

    Returns:
        The best settings, for `train`.

    Raises:
        InputError: an argument or the data cannot be used, or the folder holds another search.
    """
    require_choice("branch", branch, (*BRANCHES, "all"))
    from pipelines.prepared_data import PreparedData
    from songpop_tf.tuning.oracles import ALGORITHMS
    from songpop_tf.tuning.search import SearchOptions, search

    require_choice("algorithm", algorithm, ALGORITHMS)
    return search(
        PreparedData.open(data),
        Path(out),
        branch,
        SearchOptions(algorithm, trials, storage),
        RunConfig() if config is None else config,
        console or Console(),
    )
