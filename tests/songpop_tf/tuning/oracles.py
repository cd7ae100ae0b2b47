"""Oracles and searches for the tests of the Optuna oracle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.storages.journal import JournalFileBackend

from songpop_tf.tuning.optuna_oracle import OptunaOracle


def journal(path: Path) -> optuna.storages.BaseStorage:
    """Optuna's quickest storage that other processes can share."""
    return optuna.storages.JournalStorage(JournalFileBackend(str(path / "study.log")))


def make(path: Path, objective: Any = "val_loss", **kwargs: Any) -> OptunaOracle:
    if kwargs.get("storage") is not None:
        kwargs.setdefault("study_name", "study")
    oracle = OptunaOracle(objective, **{"seed": 1, **kwargs})
    oracle._set_project_dir(path, "project")
    oracle.verbose = 0
    return oracle


def one_float() -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    hps.Float("x", -1, 1)
    return hps


def small() -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    hps.Int("a", 0, 2)
    hps.Choice("b", ["u", "v"])
    return hps


def conditional() -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    hps.Choice("kind", ["mlp", "cnn"])
    with hps.conditional_scope("kind", ["mlp"]):
        hps.Int("layers", 1, 2)
        with hps.conditional_scope("layers", [2]):
            hps.Int("units", 8, 16)
    with hps.conditional_scope("kind", ["cnn"]):
        hps.Choice("units", ["few", "many"])
    hps.Float("rate", 0.1, 0.5, parent_name="kind", parent_values=["cnn"])
    return hps


def end(oracle: OptunaOracle, trial: Trial, value: float | None, status: str = "COMPLETED") -> None:
    if value is not None:
        oracle.update_trial(trial.trial_id, {oracle.objective.name: value})
    trial.status = status
    trial.message = None if status == "COMPLETED" else f"why {trial.trial_id} went wrong"
    oracle.end_trial(trial)


def run(
    oracle: OptunaOracle, function: Callable[[dict[str, Any]], float], limit: int = 1000
) -> list[dict[str, Any]]:
    """Runs trials until the oracle stops, and gives their values."""
    done = []
    for _ in range(limit):
        trial = oracle.create_trial("tuner0")
        if trial.status == TrialStatus.STOPPED:
            break
        done.append(dict(trial.hyperparameters.values))
        end(oracle, trial, function(done[-1]))
    return done


def zero(_: dict[str, Any]) -> float:
    return 0.0


def abs_x(values: dict[str, Any]) -> float:
    return float(abs(values["x"]))


def states(oracle: OptunaOracle) -> list[str]:
    return [trial.state.name for trial in oracle.study.trials]
