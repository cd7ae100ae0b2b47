"""The tuner: trains one trial after another, and knows a broken trial from a bug."""

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

from songpop_tf.board.board import FOLDER, Board
from songpop_tf.board.hparams import write_experiment, write_hparams
from songpop_tf.training.fit import Console
from songpop_tf.tuning.hypermodels import JUDGED, BranchHyperModel
from songpop_tf.tuning.optuna_oracle import OptunaOracle, PruningMixin
from songpop_tf.tuning.oracles import OBJECTIVE, STEPS
from songpop_tf.tuning.spaces import EPOCHS, last_fit

_BROKEN = (FloatingPointError, MemoryError, tf.errors.ResourceExhaustedError)
"""What a trial's values may bring about; any other exception is a bug, or concerns all trials."""
_LONGEST_REASON = 300
VALIDATION_MSE = "validation_mse"
"""Tag of a trial's result for TensorBoard."""
_KILLS = 3
"""A trial that dies so often without an epoch done takes more memory than there is."""


class SearchTuner(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # Keras Tuner is untyped
    """Trains the trials that an oracle hands out, each in a folder of its own.

    A trial that diverges or runs out of memory is recorded as failed, with its reason. Any other
    exception ends the search.

    Args:
        oracle: hands out the trials.
        hypermodel: builds and fits them.
        directory: of the search; the trials' folders are in a folder named as the branch.
        console: is told of every trial.
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
        oracle.verbose = 0  # the console says what there is to say
        self._console = console
        self._boards = directory / hypermodel.branch / FOLDER

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Build and fit one trial; its smallest validation MSE."""
        del args, kwargs
        folder = Path(self.get_trial_dir(trial.trial_id))
        hp = trial.hyperparameters
        with _counting_kills(folder / "started") as starts:

            def watch(stage: str, model: keras.Model, entry: dict[str, float]) -> None:
                starts.unlink(missing_ok=True)
                self._report(trial, stage, model, entry)

            model = self.hypermodel.build(hp)
            history = self.hypermodel.fit(
                hp,
                model,
                states=folder / "state",
                watchers=[watch],
                board=Board(self._boards / trial.trial_id),
            )
        return {OBJECTIVE.name: min(entry[OBJECTIVE.name] for entry in history)}

    def _report(
        self, trial: Trial, stage: str, model: keras.Model, entry: dict[str, float]
    ) -> None:
        """Have the oracle end a hopeless trial, if it is one that does."""
        branch = self.hypermodel.branch
        if stage == JUDGED[branch] and isinstance(self.oracle, OptunaOracle):
            # Trials differ in length, and the learning rate falls over all of it.
            epochs = last_fit(branch, self.hypermodel.configure(trial.hyperparameters)).epochs
            step = int(STEPS * entry["epoch"] / epochs)
            self.on_epoch_end(trial, model, step, entry)

    def on_search_begin(self) -> None:
        """Tell TensorBoard what may be chosen."""
        super().on_search_begin()
        space = self.oracle.get_space().space
        write_experiment(self._boards, {hp.name: _ends(hp) for hp in space}, [VALIDATION_MSE])

    def on_trial_begin(self, trial: Trial) -> None:
        """Say which trial begins, and what is new in it."""
        super().on_trial_begin(trial)
        hp = trial.hyperparameters
        changed = [
            f"{one.name} {_short(hp.values[one.name])}"
            for one in hp.space
            if hp.values.get(one.name, one.default) != one.default
        ]
        given = f" ({hp.values[EPOCHS]} epochs)" if EPOCHS in hp.values else ""
        told = ", ".join(changed) or "the defaults"
        self._console.say(f"\ntrial {trial.trial_id}{given}: {told}")

    def on_trial_end(self, trial: Trial) -> None:
        """Record a trial, say how it went, and free what it took."""
        super().on_trial_end(trial)
        shutil.rmtree(Path(self.get_trial_dir(trial.trial_id)) / "state", ignore_errors=True)
        keras.utils.clear_session(free_memory=True)
        known = self.oracle.get_trial(trial.trial_id)
        if known.status != TrialStatus.FAILED:
            score = known.metrics.get_best_value(OBJECTIVE.name)
            values = {
                hp.name: known.hyperparameters.get(hp.name) for hp in known.hyperparameters.space
            }
            write_hparams(self._boards / trial.trial_id, values, {VALIDATION_MSE: score})
        self._console.say(f"trial {trial.trial_id}: {self._outcome(known)}")

    def save(self) -> None:
        """Save the oracle: the tuner has no state of its own, nor a file that must not break."""
        self.oracle.save()

    def _outcome(self, trial: Trial) -> str:
        if trial.status == TrialStatus.FAILED:
            return f"failed: {trial.message}"
        best = self.oracle.get_best_trials()[0]
        score = f"validation MSE {trial.metrics.get_best_value(OBJECTIVE.name):.1f}"
        ended = ", ended early as hopeless" if trial.status == TrialStatus.STOPPED else ""
        is_best = "the best so far" if best.trial_id == trial.trial_id else f"best {best.score:.1f}"
        return f"{score}{ended} ({is_best})"

    def _try_run_and_update_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> None:
        # Keras Tuner's own takes any exception for a failed trial, bugs included.
        try:
            self._run_and_update_trial(trial, *args, **kwargs)
        except _BROKEN as error:
            trial.status = TrialStatus.FAILED
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            trial.message = reason[:_LONGEST_REASON]
        else:
            trial.status = TrialStatus.COMPLETED


@contextlib.contextmanager
def _counting_kills(file: Path) -> Iterator[Path]:
    """Count in a file how often a trial was begun; only a kill leaves it behind.

    Raises:
        MemoryError: the trial was killed too often before an epoch was done.
    """
    starts = file.stat().st_size if file.is_file() else 0
    if starts >= _KILLS:
        raise MemoryError(f"its process was killed {starts} times before an epoch was done")
    with file.open("ab") as opened:
        opened.write(b".")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _ends(hp: Any) -> list[float]:
    """The values of a choice, or the ends of a range."""
    return list(hp.values) if isinstance(hp, Choice) else [hp.min_value, hp.max_value]


def _short(value: float | int | str | bool) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
