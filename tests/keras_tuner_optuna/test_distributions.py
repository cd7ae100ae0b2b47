"""Every hyperparameter of Keras Tuner is sampled by Optuna over exactly its own values."""

import warnings
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest
from optuna.trial import TrialState

from .oracles import conditional_space, float_space, make_oracle, run_trials, zero


def single(hp: str, **kwargs: Any) -> keras_tuner.HyperParameters:
    hps = keras_tuner.HyperParameters()
    getattr(hps, hp)("h", **kwargs)
    return hps


DISCRETE = [
    (single("Int", min_value=3, max_value=6), {3, 4, 5, 6}),
    (single("Int", min_value=6, max_value=13, step=3), {6, 9, 12}),
    (single("Int", min_value=2, max_value=32, step=2, sampling="log"), {2, 4, 8, 16, 32}),
    (single("Int", min_value=1, max_value=4, sampling="log"), {1, 2, 3, 4}),
    (single("Int", min_value=1, max_value=4, sampling="reverse_log"), {1, 2, 3, 4}),
    (single("Int", min_value=1, max_value=8, step=2, sampling="reverse_log"), {8, 7, 5, 1}),
    (single("Float", min_value=0, max_value=1, step=0.25), {0.0, 0.25, 0.5, 0.75, 1.0}),
    (single("Float", min_value=0.1, max_value=0.5, step=0.1), None),
    (single("Float", min_value=1e-3, max_value=10, step=10, sampling="log"), None),
    (single("Float", min_value=1, max_value=8, step=2, sampling="reverse_log"), {8, 7, 5, 1}),
    (single("Choice", values=[16, 64, 32]), {16, 64, 32}),
    (single("Choice", values=[0.5, 0.1], ordered=False), {0.5, 0.1}),
    (single("Choice", values=["relu", "gelu"]), {"relu", "gelu"}),
    (single("Choice", values=[True, False]), {True, False}),
    (single("Choice", values=["only"]), {"only"}),
    (single("Int", min_value=5, max_value=5), {5}),
    (single("Boolean"), {True, False}),
    (single("Fixed", value="constant"), {"constant"}),
]


@pytest.mark.parametrize(
    ("space", "expected"), DISCRETE, ids=[str(i) for i, _ in enumerate(DISCRETE)]
)
def test_samples_every_value_and_no_other(tmp_path: Path, space: Any, expected: Any) -> None:
    hp = space.space[0]
    if expected is None:  # sums and products of floats as Keras Tuner computes them
        expected = set(hp.values)
        assert len(expected) == 5
    oracle = make_oracle(tmp_path, hyperparameters=space, sampler="RandomSampler", max_trials=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        done = [values["h"] for values in run_trials(oracle, zero)]
    assert set(done) == expected
    assert len(done) == len(expected)
    assert {type(value) for value in done} == {type(hp.random_sample())}
    resumed = make_oracle(tmp_path, hyperparameters=space, max_trials=None)
    resumed.reload()
    ran = [trial.params for trial in oracle.study.trials if trial.state == TrialState.COMPLETE]
    again = [trial.params for trial in resumed.study.trials if trial.state == TrialState.COMPLETE]
    assert again == ran


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
@pytest.mark.parametrize("kind", ["Int", "Float"])
def test_sampling_scales_match_keras_tuner(tmp_path: Path, kind: str, sampling: str) -> None:
    hps = single(kind, min_value=100, max_value=100_000, sampling=sampling)
    oracle = make_oracle(tmp_path, hyperparameters=hps, sampler="QMCSampler", max_trials=None)
    drawn = [oracle.populate_space(str(i))["values"]["h"] for i in range(64)]
    expected = [hps.space[0].prob_to_value((i + 0.5) / 1000) for i in range(1000)]
    assert all(100 <= value <= 100_000 for value in drawn)
    quarters = [0.25, 0.5, 0.75]
    assert np.allclose(np.quantile(drawn, quarters), np.quantile(expected, quarters), rtol=0.15)


def test_only_active_hyperparameters_are_suggested(new_oracle: Any) -> None:
    oracle = new_oracle(hyperparameters=conditional_space(), max_trials=25)
    done = run_trials(oracle, lambda values: len(values))
    shapes = {tuple(values) for values in done}
    assert shapes == {("kind", "layers"), ("kind", "layers", "units"), ("kind", "units", "rate")}
    for values in done:
        assert isinstance(values.get("units", 8), int if values["kind"] == "mlp" else str)
    ran = [trial for trial in oracle.study.trials if trial.state == TrialState.COMPLETE]
    assert [len(trial.params) for trial in ran] == [len(values) for values in done]
    assert "rate | kind in ['cnn']" in {name for trial in ran for name in trial.params}
    trials = [oracle.trials[trial.user_attrs["keras_tuner_trial_id"]] for trial in ran]
    assert [trial.hyperparameters.values for trial in trials] == done


def test_fixed_is_not_a_parameter(new_oracle: Any) -> None:
    hps = float_space()
    hps.Fixed("depth", 3)
    oracle = new_oracle(hyperparameters=hps, max_trials=3)
    assert [values["depth"] for values in run_trials(oracle, zero)] == [3] * 3
    assert {name for trial in oracle.study.trials for name in trial.params} == {"x"}


def test_empty_space_is_a_single_trial(new_oracle: Any) -> None:
    oracle = new_oracle(hyperparameters=keras_tuner.HyperParameters())
    assert run_trials(oracle, zero) == [{}]
