"""`to_study`: any Keras Tuner search as an Optuna study, for Optuna's analysis and plots."""

import keras_tuner
import optuna
from keras_tuner.engine.trial import TrialStatus

from .distributions import to_params


def to_study(oracle: keras_tuner.Oracle) -> optuna.Study:
    """Copy an oracle's completed trials to a new in-memory study.

    Args:
        oracle: any oracle of Keras Tuner with a single objective.
    """
    study = optuna.create_study(
        direction="maximize" if oracle.objective.direction == "max" else "minimize"
    )
    for trial in oracle.trials.values():
        if trial.status != TrialStatus.COMPLETED:
            continue
        values = trial.hyperparameters.values
        params, distributions = to_params(oracle.hyperparameters.space, values)
        study.add_trial(
            optuna.trial.create_trial(
                value=trial.score, params=params, distributions=dict(distributions)
            )
        )
    return study
