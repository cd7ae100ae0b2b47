"""What the Optuna oracle draws, and with which samplers."""

import warnings
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from songpop_tf.tuning.optuna_oracle import OptunaOracle
from tests.songpop_tf.tuning.oracles import (
    abs_x,
    conditional,
    journal,
    make,
    one_float,
    run,
    small,
    states,
    zero,
)


def only(hp: str, **kwargs: Any) -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    getattr(hps, hp)("h", **kwargs)
    return hps


DISCRETE = [
    (only("Int", min_value=3, max_value=6), {3, 4, 5, 6}),
    (only("Int", min_value=6, max_value=13, step=3), {6, 9, 12}),
    (only("Int", min_value=2, max_value=32, step=2, sampling="log"), {2, 4, 8, 16, 32}),
    (only("Int", min_value=1, max_value=4, sampling="log"), {1, 2, 3, 4}),
    (only("Int", min_value=1, max_value=4, sampling="reverse_log"), {1, 2, 3, 4}),
    (only("Int", min_value=1, max_value=8, step=2, sampling="reverse_log"), {8, 7, 5, 1}),
    (only("Float", min_value=0, max_value=1, step=0.25), {0.0, 0.25, 0.5, 0.75, 1.0}),
    (only("Float", min_value=0.1, max_value=0.5, step=0.1), None),
    (only("Float", min_value=1e-3, max_value=10, step=10, sampling="log"), None),
    (only("Float", min_value=1, max_value=8, step=2, sampling="reverse_log"), {8, 7, 5, 1}),
    (only("Choice", values=[16, 64, 32]), {16, 64, 32}),
    (only("Choice", values=[0.5, 0.1], ordered=False), {0.5, 0.1}),
    (only("Choice", values=["relu", "gelu"]), {"relu", "gelu"}),
    (only("Choice", values=[True, False]), {True, False}),
    (only("Choice", values=["only"]), {"only"}),
    (only("Int", min_value=5, max_value=5), {5}),
    (only("Boolean"), {True, False}),
    (only("Fixed", value="as it is"), {"as it is"}),
]


@pytest.mark.parametrize(
    ("space", "expected"), DISCRETE, ids=[str(i) for i, _ in enumerate(DISCRETE)]
)
def test_every_value_is_drawn_and_no_other(tmp_path: Path, space: Any, expected: Any) -> None:
    hp = space.space[0]
    if expected is None:  # sums and products of floats, as Keras Tuner makes them
        expected = set(hp.values)
        assert len(expected) == 5
    oracle = make(tmp_path, hyperparameters=space, sampler="RandomSampler", max_trials=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        done = [values["h"] for values in run(oracle, zero)]
    assert set(done) == expected
    assert len(done) == len(expected)
    assert {type(value) for value in done} == {type(hp.random_sample())}
    resumed = make(tmp_path, hyperparameters=space, max_trials=None)
    resumed.reload()
    ran = [trial.params for trial in oracle.study.trials if trial.state == TrialState.COMPLETE]
    again = [trial.params for trial in resumed.study.trials if trial.state == TrialState.COMPLETE]
    assert again == ran


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
@pytest.mark.parametrize("kind", ["Int", "Float"])
def test_scales_are_those_of_keras_tuner(tmp_path: Path, kind: str, sampling: str) -> None:
    hps = only(kind, min_value=100, max_value=100_000, sampling=sampling)
    oracle = make(tmp_path, hyperparameters=hps, sampler="QMCSampler", max_trials=None)
    drawn = [oracle.populate_space(str(i))["values"]["h"] for i in range(64)]
    expected = [hps.space[0].prob_to_value((i + 0.5) / 1000) for i in range(1000)]
    assert all(100 <= value <= 100_000 for value in drawn)
    quarters = [0.25, 0.5, 0.75]
    assert np.allclose(np.quantile(drawn, quarters), np.quantile(expected, quarters), rtol=0.15)


def test_only_active_hyperparameters_are_asked_for(new: Any) -> None:
    oracle = new(hyperparameters=conditional(), max_trials=25)
    done = run(oracle, lambda values: len(values))
    shapes = {tuple(values) for values in done}
    assert shapes == {("kind", "layers"), ("kind", "layers", "units"), ("kind", "units", "rate")}
    for values in done:
        assert isinstance(values.get("units", 8), int if values["kind"] == "mlp" else str)
    ran = [trial for trial in oracle.study.trials if trial.state == TrialState.COMPLETE]
    assert [len(trial.params) for trial in ran] == [len(values) for values in done]
    assert "rate | kind in ['cnn']" in {name for trial in ran for name in trial.params}
    shown = [oracle.trials[trial.user_attrs["keras_tuner_trial_id"]] for trial in ran]
    assert [trial.hyperparameters.values for trial in shown] == done


def test_enqueued_values_come_first(new: Any) -> None:
    hps = one_float()
    hps.Choice("b", [16, 32, 64])
    hps.Float("r", 1, 100, sampling="reverse_log")
    oracle = new(hyperparameters=hps)
    oracle.enqueue({"x": 0.5, "b": 32, "r": 99.5})
    assert oracle.create_trial("a").hyperparameters.values == {"x": 0.5, "b": 32, "r": 99.5}
    oracle.enqueue({"b": 64})
    assert oracle.create_trial("b").hyperparameters.values["b"] == 64
    with pytest.raises(
        ValueError, match=r"expected names among \['b', 'r', 'x'\], received \['y'\]"
    ):
        oracle.enqueue({"y": 1})
    for wrong in ({"b": 20}, {"x": 2.0}, {"r": 101}):
        with pytest.raises(ValueError, match="expected a value of"):
            oracle.enqueue(wrong)


@pytest.mark.parametrize("seed", [0, 7])
def test_one_seed_draws_the_same(tmp_path: Path, seed: int) -> None:
    def search(name: str, storage: Any, seed: int) -> list[dict[str, Any]]:
        options = {"storage": storage, "hyperparameters": conditional(), "max_trials": 13}
        return run(
            make(tmp_path / name, seed=seed, **options), lambda v: v.get("units", 0) == "few"
        )

    (tmp_path / "b").mkdir()
    first = search("a", None, seed)
    assert search("b", journal(tmp_path / "b"), seed) == first
    assert search("c", None, seed + 1) != first


def test_tpe_beats_random_search(tmp_path: Path) -> None:
    def best(sampler: str, seed: int) -> float:
        hps = keras_tuner.HyperParameters()
        for name in "xyz":
            hps.Float(name, -5, 5)
        options = {"sampler": sampler, "seed": seed, "hyperparameters": hps, "max_trials": 40}
        oracle = make(tmp_path / f"{sampler}{seed}", **options)
        run(oracle, lambda values: sum((value - 2) ** 2 for value in values.values()))
        return float(oracle.get_best_trials()[0].score)

    tpe, rand = (
        [best(name, seed) for seed in range(3)] for name in ("TPESampler", "RandomSampler")
    )
    assert np.mean(tpe) < 0.6 * np.mean(rand), (tpe, rand)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler", "QMCSampler", "NSGAIISampler"])
def test_samplers_by_name(tmp_path: Path, sampler: str) -> None:
    oracle = make(tmp_path, sampler=sampler, hyperparameters=one_float(), max_trials=3)
    assert len(run(oracle, abs_x)) == 3


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("pruner", [None, "HyperbandPruner"])
@pytest.mark.parametrize("sampler", ["GridSampler", "BruteForceSampler"])
def test_samplers_that_end_by_themselves(new: Any, sampler: str, pruner: Any) -> None:
    options = (
        {"search_space": {"a": [0, 1, 2], "b": ["u", "v"]}} if sampler == "GridSampler" else {}
    )
    oracle = new(
        hyperparameters=small(),
        sampler=sampler,
        sampler_options=options,
        max_trials=50,
        pruner=pruner,
    )
    assert len(run(oracle, lambda values: values["a"])) == 6
    assert states(oracle) == ["COMPLETE"] * 6


def test_names_and_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="expected sampler to be one of .*'TPESampler'.*received 'TPE'"
    ):
        make(tmp_path, sampler="TPE")
    with pytest.raises(ValueError, match="expected pruner to be one of .*received 'nsgaii'"):
        make(tmp_path, pruner="nsgaii")
    with pytest.raises(
        ValueError, match="expected sampler_options as TPESampler.*received .*'startup'"
    ):
        make(tmp_path, sampler_options={"startup": 3})
    with pytest.raises(ValueError, match="expected pruner_options as PercentilePruner"):
        make(tmp_path, pruner="PercentilePruner")
    with pytest.raises(
        ValueError, match="expected a study_name with storage='a.db', received None"
    ):
        OptunaOracle("val_loss", storage="a.db")
    pruner = optuna.pruners.ThresholdPruner(upper=1)
    with pytest.raises(ValueError, match=r"expected no pruner_options with .*received \{'upper'"):
        make(tmp_path, pruner=pruner, pruner_options={"upper": 2})
    sampler = optuna.samplers.RandomSampler()
    assert make(tmp_path, sampler=sampler).study.sampler is sampler
