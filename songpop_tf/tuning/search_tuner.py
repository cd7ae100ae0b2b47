"""The Keras Tuner tuner: trains one trial after another; failed trials do not end the search."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.engine.hyperparameters import Choice
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_tuner_optuna import OptunaOracle, PruningMixin
from songpop_tf.console import Console
from songpop_tf.training.callbacks.hparams import write_experiment, write_trial
from songpop_tf.training.callbacks.tensorboard import LOG_DIRECTORY
from songpop_tf.training.trainer import Callbacks
from songpop_tf.tuning.hypermodels import OBJECTIVE_STAGE, BranchHyperModel, TrialOptions
from songpop_tf.tuning.oracles import OBJECTIVE, PRUNING_STEPS
from songpop_tf.tuning.search_space import EPOCHS

VALIDATION_MSE = "validation_mse"
"""TensorBoard tag of a trial's result."""
_TRIAL_ERRORS = (FloatingPointError, MemoryError, tf.errors.ResourceExhaustedError)
"""Errors that the hyperparameters of a trial may cause; any other exception ends the search."""
_MAX_REASON_LENGTH = 300
_MAX_KILLS = 3
"""A trial fails after so many kills before its first epoch ended: it probably lacks memory."""


class SearchTuner(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # Keras Tuner is untyped
    """Trains the trials of an oracle, each in a folder of its own.

    A trial that diverges or runs out of memory is recorded as failed, with the reason. Any other
    exception ends the search.

    Args:
        oracle: creates the trials.
        hypermodel: builds and fits their models.
        directory: of the search; the trials' folders are in its subfolder named as the branch.
        console: prints the hyperparameters and the result of each trial.
    """

    hypermodel: BranchHyperModel

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        hypermodel: BranchHyperModel,
        directory: Path,
        console: Console,
    ) -> None:
        super().__init__(
            oracle=oracle,
            hypermodel=hypermodel,
            directory=str(directory),
            project_name=hypermodel.branch,
        )
        oracle.verbose = 0  # the console prints instead
        self._console = console
        self._log_dir = directory / hypermodel.branch / LOG_DIRECTORY

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Build and fit the model of a trial; return its lowest validation MSE."""
        del args, kwargs
        folder = Path(self.get_trial_dir(trial.trial_id))
        hp = trial.hyperparameters
        with _count_kills(folder / "started") as start_counter:
            model = self.hypermodel.build(hp)
            options = TrialOptions(
                folder / "checkpoints",
                lambda stage: self._callbacks(trial, stage, start_counter),
                self._log_dir / trial.trial_id,
            )
            history = self.hypermodel.fit(hp, model, options)
        return {OBJECTIVE.name: min(entry[OBJECTIVE.name] for entry in history)}

    def _callbacks(self, trial: Trial, stage: str, start_counter: Path) -> Callbacks:
        def reset_start_counter(epoch: int, logs: Any) -> None:
            del epoch, logs
            start_counter.unlink(missing_ok=True)

        callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=reset_start_counter)]
        is_objective = stage == OBJECTIVE_STAGE[self.hypermodel.branch]
        if is_objective and isinstance(self.oracle, OptunaOracle):
            callbacks.append(_ReportEpoch(self, trial))
        return callbacks

    def on_search_begin(self) -> None:
        """Write the search space for TensorBoard's HParams page."""
        super().on_search_begin()
        space = self.oracle.get_space().space
        write_experiment(self._log_dir, {hp.name: _domain(hp) for hp in space}, [VALIDATION_MSE])

    def on_trial_begin(self, trial: Trial) -> None:
        """Print the trial's number and the hyperparameters that differ from the defaults."""
        super().on_trial_begin(trial)
        values = trial.hyperparameters.values
        changed = [
            f"{hp.name} {_format_value(values[hp.name])}"
            for hp in trial.hyperparameters.space
            if values.get(hp.name, hp.default) != hp.default
        ]
        epochs = f" ({values[EPOCHS]} epochs)" if EPOCHS in values else ""
        description = ", ".join(changed) or "default hyperparameters"
        self._console.print(f"\ntrial {trial.trial_id}{epochs}: {description}")

    def on_trial_end(self, trial: Trial) -> None:
        """Record the trial, print its result, and free its memory and checkpoints."""
        super().on_trial_end(trial)
        shutil.rmtree(Path(self.get_trial_dir(trial.trial_id)) / "checkpoints", ignore_errors=True)
        keras.utils.clear_session(free_memory=True)
        recorded = self.oracle.get_trial(trial.trial_id)
        if recorded.status != TrialStatus.FAILED:
            hps = recorded.hyperparameters
            values = {hp.name: hps.get(hp.name) for hp in hps.space}
            mse = recorded.metrics.get_best_value(OBJECTIVE.name)
            write_trial(self._log_dir / trial.trial_id, values, VALIDATION_MSE, mse)
        self._console.print(f"trial {trial.trial_id}: {self._format_result(recorded)}")

    def save(self) -> None:
        """Save the oracle; the tuner has no state, and Keras Tuner does not write it atomically."""
        self.oracle.save()

    def _format_result(self, trial: Trial) -> str:
        if trial.status == TrialStatus.FAILED:
            return f"failed: {trial.message}"
        best = self.oracle.get_best_trials()[0]
        mse = trial.metrics.get_best_value(OBJECTIVE.name)
        pruned = ", pruned" if trial.status == TrialStatus.STOPPED else ""
        rank = "best so far" if best.trial_id == trial.trial_id else f"best {best.score:.1f}"
        return f"validation MSE {mse:.1f}{pruned} ({rank})"

    def _try_run_and_update_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> None:
        # Keras Tuner's method records any exception as a failed trial, bugs included.
        try:
            self._run_and_update_trial(trial, *args, **kwargs)
        except _TRIAL_ERRORS as error:
            trial.status = TrialStatus.FAILED
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            trial.message = reason[:_MAX_REASON_LENGTH]
        else:
            trial.status = TrialStatus.COMPLETED


class _ReportEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Reports the objective of each epoch to the oracle's pruner, which may stop the training."""

    def __init__(self, tuner: SearchTuner, trial: Trial) -> None:
        super().__init__()
        self._tuner = tuner
        self._trial = trial

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # A fraction of the training, not the epoch: trials differ in their number of epochs, over
        # which the learning rate decays.
        step = int(PRUNING_STEPS * (epoch + 1) / self.params["epochs"])
        self._tuner.on_epoch_end(self._trial, self.model, step, logs)


@contextlib.contextmanager
def _count_kills(start_counter: Path) -> Iterator[Path]:
    """Count the starts of a trial in a file of one byte each; only a kill leaves the file behind.

    Args:
        start_counter: the file. Delete it after each epoch.

    Raises:
        MemoryError: the trial's process was killed too often before an epoch ended.
    """
    kills = start_counter.stat().st_size if start_counter.is_file() else 0
    if kills >= _MAX_KILLS:
        raise MemoryError(f"its process was killed {kills} times before its first epoch ended")
    with start_counter.open("ab") as file:
        file.write(b".")
    try:
        yield start_counter
    finally:
        start_counter.unlink(missing_ok=True)


def _domain(hp: Any) -> list[float]:
    """The values of a choice, or lower and upper bound of a range."""
    return list(hp.values) if isinstance(hp, Choice) else [hp.min_value, hp.max_value]


def _format_value(value: float | int | str | bool) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
