"""Searches of Keras Tuner's own oracles become Optuna studies."""

from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner import oracles
from keras_tuner.engine.trial import TrialStatus

from keras_tuner_optuna import to_study

from .oracles import abs_x, end_trial, float_space

ORACLES = {
    "random": oracles.RandomSearchOracle,
    "grid": oracles.GridSearchOracle,
    "bayesian": oracles.BayesianOptimizationOracle,
    "hyperband": oracles.HyperbandOracle,
}


def run_search(name: str, path: Path, objective: Any = "val_loss") -> keras_tuner.Oracle:
    """Run six trials and fail the last one."""
    limit = {"max_epochs": 9} if name == "hyperband" else {"max_trials": 6}
    oracle = ORACLES[name](objective, seed=1, hyperparameters=float_space(), **limit)
    oracle._set_project_dir(path, "project")
    oracle.verbose = 0
    for number in range(6):
        trial = oracle.create_trial("tuner0")
        assert trial.status == TrialStatus.RUNNING
        status = "FAILED" if number == 5 else "COMPLETED"
        end_trial(oracle, trial, abs_x(trial.hyperparameters.values), status)
    return oracle


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ORACLES)
def test_completed_trials_become_a_study(name: str, tmp_path: Path) -> None:
    oracle = run_search(name, tmp_path)
    study = to_study(oracle)
    completed = [trial for trial in oracle.trials.values() if trial.status == "COMPLETED"]
    values = [trial.hyperparameters.values["x"] for trial in completed]
    assert len(values) == 5
    assert [trial.params["x"] for trial in study.trials] == values
    assert study.best_value == min(abs(x) for x in values)


def test_maximized_objective_keeps_its_direction(tmp_path: Path) -> None:
    study = to_study(run_search("random", tmp_path, keras_tuner.Objective("score", "max")))
    assert study.direction.name == "MAXIMIZE"
    assert study.best_value == max(trial.value for trial in study.trials)
