"""Oracles, search spaces and helpers that the tests of `keras_tuner_optuna` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.storages.journal import JournalFileBackend

from keras_tuner_optuna import OptunaOracle


def journal_storage(path: Path) -> optuna.storages.BaseStorage:
    """Optuna's fastest storage that other processes can share."""
    return optuna.storages.JournalStorage(JournalFileBackend(str(path / "study.log")))


def make_oracle(path: Path, objective: Any = "val_loss", **kwargs: Any) -> OptunaOracle:
    """Create an oracle with a project directory, as a tuner does."""
    if kwargs.get("storage") is not None:
        kwargs.setdefault("study_name", "study")
    oracle = OptunaOracle(objective, **{"seed": 1, **kwargs})
    oracle._set_project_dir(path, "project")
    oracle.verbose = 0
    return oracle


def float_space() -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    hps.Float("x", -1, 1)
    return hps


def small_space() -> keras_tuner.HyperParameters:
    """A space of six combinations."""
    hps = keras_tuner.HyperParameters()
    hps.Int("a", 0, 2)
    hps.Choice("b", ["u", "v"])
    return hps


def conditional_space() -> keras_tuner.HyperParameters:
    """Nested conditions, and one name under two conditions."""
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


def end_trial(
    oracle: OptunaOracle, trial: Trial, value: float | None, status: str = "COMPLETED"
) -> None:
    if value is not None:
        oracle.update_trial(trial.trial_id, {oracle.objective.name: value})
    trial.status = status
    trial.message = None if status == "COMPLETED" else f"trial {trial.trial_id} failed"
    oracle.end_trial(trial)


def run_trials(
    oracle: OptunaOracle, function: Callable[[dict[str, Any]], float], limit: int = 1000
) -> list[dict[str, Any]]:
    """Run trials until the oracle stops; returns their values."""
    values: list[dict[str, Any]] = []
    for _ in range(limit):
        trial = oracle.create_trial("tuner0")
        if trial.status == TrialStatus.STOPPED:
            break
        values.append(dict(trial.hyperparameters.values))
        end_trial(oracle, trial, function(values[-1]))
    return values


def zero(_: dict[str, Any]) -> float:
    return 0.0


def abs_x(values: dict[str, Any]) -> float:
    return float(abs(values["x"]))


def trial_states(oracle: OptunaOracle) -> list[str]:
    return [trial.state.name for trial in oracle.study.trials]
