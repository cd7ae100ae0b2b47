"""Tuners that let an `OptunaOracle` stop hopeless trials."""

from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from .study import INTERMEDIATE


class PruningMixin:
    """For a `keras_tuner.Tuner` on an `OptunaOracle`: reports epochs, and stops hopeless trials.

    Keras Tuner 1.4 neither passes epochs to its oracle nor heeds the status that comes back; this
    does both, also where the oracle is another process. Put it before the tuner's class.
    """

    oracle: Any

    def on_epoch_end(self, trial: Trial, model: Any, epoch: int, logs: Any = None) -> None:
        """Reports an epoch's objective, if the logs have it, and ends the training if told to.

        Args:
            trial: the trial that trains.
            model: its Keras model.
            epoch: number of the epoch, from 0.
            logs: the epoch's metrics.
        """
        super().on_epoch_end(trial, model, epoch, logs)  # type: ignore[misc]  # the tuner's
        objective = self.oracle.objective
        if not objective.has_value(logs or {}):
            return
        metrics = {INTERMEDIATE + objective.name: float(objective.get_value(logs))}
        answer = self.oracle.update_trial(trial.trial_id, metrics, step=epoch)
        if answer.status == TrialStatus.STOPPED:
            model.stop_training = True


class PruningTuner(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # Keras Tuner is untyped
    """`keras_tuner.Tuner` that ends the training of trials its `OptunaOracle` finds hopeless."""
