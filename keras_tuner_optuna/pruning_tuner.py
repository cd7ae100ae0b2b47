"""`PruningTuner`: a tuner that stops the trials which its `OptunaOracle` prunes."""

from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from .trial_store import INTERMEDIATE


class PruningMixin:
    """Mixin for a `keras_tuner.Tuner` with an `OptunaOracle`: reports epochs and prunes trials.

    Keras Tuner 1.4 neither passes epochs to its oracle nor reads the status that the oracle
    returns. This class does both, also where the oracle runs in another process (Keras Tuner's
    chief). List it before the tuner's class.
    """

    oracle: Any

    def on_epoch_end(self, trial: Trial, model: Any, epoch: int, logs: Any = None) -> None:
        """Report the epoch's objective, if the logs contain it, and stop a pruned trial.

        Args:
            trial: the running trial.
            model: its Keras model; `stop_training` is set if the trial is pruned.
            epoch: index of the epoch, from 0.
            logs: the epoch's metrics.
        """
        super().on_epoch_end(trial, model, epoch, logs)  # type: ignore[misc]  # the tuner's
        objective = self.oracle.objective
        if not objective.has_value(logs or {}):
            return
        metrics = {INTERMEDIATE + objective.name: float(objective.get_value(logs))}
        updated = self.oracle.update_trial(trial.trial_id, metrics, step=epoch)
        if updated.status == TrialStatus.STOPPED:
            model.stop_training = True


class PruningTuner(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # Keras Tuner is untyped
    """`keras_tuner.Tuner` that stops the trials which its `OptunaOracle` prunes."""
