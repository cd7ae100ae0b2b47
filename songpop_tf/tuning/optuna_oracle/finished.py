"""Any of Keras Tuner's searches as an Optuna study, for Optuna's analysis."""

import keras_tuner
import optuna
from keras_tuner.engine.trial import TrialStatus

from .space import as_params


def as_study(oracle: keras_tuner.Oracle) -> optuna.Study:
    """A study in memory that holds the completed trials of an oracle.

    Args:
        oracle: any of Keras Tuner's, with one objective.
    """
    study = optuna.create_study(
        direction="maximize" if oracle.objective.direction == "max" else "minimize"
    )
    for trial in oracle.trials.values():
        if trial.status != TrialStatus.COMPLETED:
            continue
        values = trial.hyperparameters.values
        params, distributions = as_params(oracle.hyperparameters.space, values)
        study.add_trial(
            optuna.trial.create_trial(
                value=trial.score, params=params, distributions=dict(distributions)
            )
        )
    return study
