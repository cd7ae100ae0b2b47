"""Samplers and pruners by name, their options, and fixed parameters."""

import warnings
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import optuna
import pytest

from keras_tuner_optuna import OptunaOracle
from keras_tuner_optuna.samplers import fix_params

from .oracles import (
    abs_x,
    conditional_space,
    float_space,
    journal_storage,
    make_oracle,
    run_trials,
    small_space,
    trial_states,
)


@pytest.mark.parametrize("seed", [0, 7])
def test_same_seed_draws_same_values(tmp_path: Path, seed: int) -> None:
    def search(name: str, storage: Any, seed: int) -> list[dict[str, Any]]:
        options = {"storage": storage, "hyperparameters": conditional_space(), "max_trials": 13}
        return run_trials(
            make_oracle(tmp_path / name, seed=seed, **options), lambda v: v.get("units", 0) == "few"
        )

    (tmp_path / "b").mkdir()
    first = search("a", None, seed)
    assert search("b", journal_storage(tmp_path / "b"), seed) == first
    assert search("c", None, seed + 1) != first


def test_tpe_beats_random_search(tmp_path: Path) -> None:
    def best(sampler: str, seed: int) -> float:
        hps = keras_tuner.HyperParameters()
        for name in "xyz":
            hps.Float(name, -5, 5)
        options = {"sampler": sampler, "seed": seed, "hyperparameters": hps, "max_trials": 40}
        oracle = make_oracle(tmp_path / f"{sampler}{seed}", **options)
        run_trials(oracle, lambda values: sum((value - 2) ** 2 for value in values.values()))
        return float(oracle.get_best_trials()[0].score)

    tpe, rand = (
        [best(name, seed) for seed in range(3)] for name in ("TPESampler", "RandomSampler")
    )
    assert np.mean(tpe) < 0.6 * np.mean(rand), (tpe, rand)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler", "QMCSampler", "NSGAIISampler"])
def test_sampler_is_created_by_name(tmp_path: Path, sampler: str) -> None:
    oracle = make_oracle(tmp_path, sampler=sampler, hyperparameters=float_space(), max_trials=3)
    assert len(run_trials(oracle, abs_x)) == 3


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("pruner", [None, "HyperbandPruner"])
@pytest.mark.parametrize("sampler", ["GridSampler", "BruteForceSampler"])
def test_exhaustive_samplers_end_the_search(new_oracle: Any, sampler: str, pruner: Any) -> None:
    options = (
        {"search_space": {"a": [0, 1, 2], "b": ["u", "v"]}} if sampler == "GridSampler" else {}
    )
    oracle = new_oracle(
        hyperparameters=small_space(),
        sampler=sampler,
        sampler_options=options,
        max_trials=50,
        pruner=pruner,
    )
    assert len(run_trials(oracle, lambda values: values["a"])) == 6
    assert trial_states(oracle) == ["COMPLETE"] * 6


def test_unknown_names_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sampler: expected one of .*'TPESampler'.*received 'TPE'"):
        make_oracle(tmp_path, sampler="TPE")
    with pytest.raises(ValueError, match="pruner: expected one of .*received 'nsgaii'"):
        make_oracle(tmp_path, pruner="nsgaii")
    with pytest.raises(
        ValueError, match="sampler_options: expected arguments of TPESampler.*received .*'startup'"
    ):
        make_oracle(tmp_path, sampler_options={"startup": 3})
    with pytest.raises(ValueError, match="pruner_options: expected arguments of PercentilePruner"):
        make_oracle(tmp_path, pruner="PercentilePruner")
    with pytest.raises(
        ValueError, match="study_name: expected a name for storage 'a.db', received None"
    ):
        OptunaOracle("val_loss", storage="a.db")
    pruner = optuna.pruners.ThresholdPruner(upper=1)
    with pytest.raises(
        ValueError, match=r"pruner_options: expected none with .*received \{'upper'"
    ):
        make_oracle(tmp_path, pruner=pruner, pruner_options={"upper": 2})
    sampler = optuna.samplers.RandomSampler()
    assert make_oracle(tmp_path, sampler=sampler).study.sampler is sampler


class RecordingSampler(optuna.samplers.RandomSampler):
    """Records the calls that a sampler gets for each trial."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.calls: list[str] = []

    def before_trial(self, *args: Any) -> None:
        self.calls.append("before_trial")
        super().before_trial(*args)

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        self.calls.append(name)
        return super().sample_independent(study, trial, name, distribution)

    def after_trial(self, *args: Any) -> None:
        self.calls.append("after_trial")
        super().after_trial(*args)


def test_fixed_parameters_are_not_sampled() -> None:
    sampler = RecordingSampler()
    study = optuna.create_study()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study.sampler = fix_params({"y": 0.5, "absent": 1}, sampler)
        trial = study.ask()
        assert trial.suggest_float("y", 0, 1) == 0.5
        x = trial.suggest_float("x", 0, 1)
        study.tell(trial, x)
    assert sampler.calls == ["before_trial", "x", "after_trial"]
    assert x == optuna.create_study(sampler=RecordingSampler()).ask().suggest_float("x", 0, 1)


def test_sampler_without_fixed_parameters_is_unchanged() -> None:
    sampler = optuna.samplers.TPESampler()
    assert fix_params({}, sampler) is sampler


def test_fixed_parent_activates_its_conditional_hyperparameters(new_oracle: Any) -> None:
    oracle = new_oracle(hyperparameters=conditional_space(), max_trials=13)
    for _ in range(12):  # the last two after TPE's ten random trials
        oracle.enqueue({"kind": "cnn"})
    oracle.enqueue({"kind": "mlp", "layers": 2})
    values = run_trials(oracle, lambda values: len(values))
    assert [set(trial) for trial in values[:12]] == [{"kind", "units", "rate"}] * 12
    assert len({trial["rate"] for trial in values[:12]}) == 12
    assert values[12] == {"kind": "mlp", "layers": 2, "units": values[12]["units"]}


def test_fixed_parameters_are_excluded_from_relative_sampling(tmp_path: Path) -> None:
    hps = keras_tuner.HyperParameters()
    for name in "xy":
        hps.Float(name, -1, 1)
    options = {"multivariate": True, "n_startup_trials": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        oracle = make_oracle(tmp_path, hyperparameters=hps, sampler_options=options)
    run_trials(oracle, abs_x, limit=5)
    oracle.enqueue({"y": 0.25})
    values = run_trials(oracle, abs_x, limit=2)
    assert values[0]["y"] == 0.25
    assert values[1]["y"] != 0.25
    assert isinstance(oracle.study.sampler, optuna.samplers.TPESampler), "it is restored"
