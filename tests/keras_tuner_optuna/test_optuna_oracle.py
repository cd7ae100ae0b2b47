"""The Optuna oracle keeps the contract of Keras Tuner's own oracles."""

import math
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import TrialState

from .oracles import (
    end_trial,
    float_space,
    make_oracle,
    run_trials,
    small_space,
    trial_states,
    zero,
)


@pytest.mark.parametrize("option", ["tune_new_entries", "allow_new_entries"])
def test_closed_space_must_be_given(tmp_path: Path, option: str) -> None:
    with pytest.raises(ValueError, match=f"{option}=False"):
        make_oracle(tmp_path, **{option: False})


def test_objective_must_be_among_metrics(new_oracle: Any) -> None:
    oracle = new_oracle()
    trial = oracle.create_trial("a")
    with pytest.raises(ValueError, match="Objective value missing"):
        oracle.update_trial(trial.trial_id, {"unknown": 0.5})


def test_several_objectives_are_summed(new_oracle: Any) -> None:
    oracle = new_oracle(objective=["val_loss", keras_tuner.Objective("score", "max")])
    trial = oracle.create_trial("a")
    metrics = {"val_loss": 0.5, "score": 0.25, "multi_objective": 0.25}
    oracle.update_trial(trial.trial_id, metrics)
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    assert oracle.study.best_value == 0.25


def test_deprecated_names_still_work(new_oracle: Any) -> None:
    oracle = new_oracle()
    with pytest.deprecated_call():
        assert oracle._populate_space("100")["status"] == "RUNNING"
    trial = oracle.create_trial("a")
    values = dict(trial.hyperparameters.values)
    oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
    oracle.end_trial(trial.trial_id, "COMPLETED")
    assert oracle.trials[trial.trial_id].hyperparameters.values == values


def test_populate_space_works_without_create_trial(new_oracle: Any) -> None:
    oracle = new_oracle()
    values = oracle.populate_space("00")["values"]
    hyperparameters = oracle.get_space()
    hyperparameters.values = values
    oracle.trials["00"] = Trial(hyperparameters=hyperparameters, trial_id="00")
    end_trial(oracle, oracle.trials["00"], 0.5)
    assert oracle.study.best_value == 0.5
    assert oracle.study.best_trial.user_attrs["keras_tuner_trial_id"] == "00"


def test_enqueued_values_run_next(new_oracle: Any) -> None:
    hps = float_space()
    hps.Choice("b", [16, 32, 64])
    hps.Float("r", 1, 100, sampling="reverse_log")
    oracle = new_oracle(hyperparameters=hps)
    oracle.enqueue({"x": 0.5, "b": 32, "r": 99.5})
    assert oracle.create_trial("a").hyperparameters.values == {"x": 0.5, "b": 32, "r": 99.5}
    oracle.enqueue({"b": 64})
    assert oracle.create_trial("b").hyperparameters.values["b"] == 64
    with pytest.raises(
        ValueError, match=r"values: expected names among \['b', 'r', 'x'\], received \['y'\]"
    ):
        oracle.enqueue({"y": 1})
    for invalid in ({"b": 20}, {"x": 2.0}, {"r": 101}):
        with pytest.raises(ValueError, match="expected a value of"):
            oracle.enqueue(invalid)


@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler"])
def test_small_space_is_exhausted_without_repeats(new_oracle: Any, sampler: str) -> None:
    oracle = new_oracle(
        hyperparameters=small_space(), max_trials=50, sampler=sampler, max_collisions=100
    )
    done = run_trials(oracle, lambda values: values["a"])
    assert len(done) == 6
    assert len({tuple(sorted(values.items())) for values in done}) == 6
    assert oracle.create_trial("tuner0").status == TrialStatus.STOPPED
    assert oracle.tuner_ids == set()
    repeats = [trial for trial in oracle.study.trials if trial.state == TrialState.FAIL]
    assert {trial.user_attrs["fail_reason"] for trial in repeats} <= {
        "same values as another trial"
    }


def test_random_values_replace_repeated_tpe_draws(tmp_path: Path) -> None:
    hps = keras_tuner.HyperParameters()
    for name in "abc":
        hps.Choice(name, list("uvwxy"))
    oracle = make_oracle(tmp_path, hyperparameters=hps, max_trials=40)
    done = run_trials(oracle, lambda values: sum(value != "w" for value in values.values()))
    assert len(done) == 40


def test_max_collisions_ends_the_search(new_oracle: Any) -> None:
    oracle = new_oracle(hyperparameters=small_space(), max_trials=50, max_collisions=0)
    run_trials(oracle, lambda values: values["a"])
    assert trial_states(oracle).count("FAIL") == 1


def test_new_entries_are_tuned_from_then_on(new_oracle: Any) -> None:
    oracle = new_oracle(max_trials=4)
    trial = oracle.create_trial("a")
    trial.hyperparameters.Int("late", 1, 1000)
    end_trial(oracle, trial, 0.5)
    rest = run_trials(oracle, zero)
    assert len({values["late"] for values in rest}) == 3
    assert "late" in oracle.study.trials[-1].params


def test_new_entries_keep_their_default_if_not_tuned(new_oracle: Any) -> None:
    oracle = new_oracle(max_trials=3, tune_new_entries=False)
    trial = oracle.create_trial("a")
    trial.hyperparameters.Int("late", 1, 1000)
    end_trial(oracle, trial, 0.5)
    assert all("late" not in values for values in run_trials(oracle, zero))


def test_new_entries_may_be_forbidden(new_oracle: Any) -> None:
    oracle = new_oracle(allow_new_entries=False)
    hps = float_space()
    hps.Int("late", 1, 10)
    with pytest.raises(RuntimeError, match="`allow_new_entries` is `False`"):
        oracle.update_space(hps)


def test_maximized_objective_reaches_the_study(new_oracle: Any) -> None:
    oracle = new_oracle(objective=keras_tuner.Objective("score", "max"), max_trials=5)
    done = run_trials(oracle, lambda values: values["x"])
    best = max(values["x"] for values in done)
    assert oracle.study.direction.name == "MAXIMIZE"
    assert oracle.study.best_value == best
    assert oracle.get_best_trials()[0].hyperparameters.values == {"x": best}


def test_same_tuner_gets_its_ongoing_trial(new_oracle: Any) -> None:
    oracle = new_oracle()
    assert oracle.create_trial("a").trial_id == oracle.create_trial("a").trial_id
    assert oracle.create_trial("b").trial_id == "01"


def test_invalid_trial_is_run_again(new_oracle: Any) -> None:
    oracle = new_oracle(max_retries_per_trial=1)
    first = oracle.create_trial("a")
    end_trial(oracle, first, None, "INVALID")
    assert trial_states(oracle) == ["RUNNING"]
    again = oracle.create_trial("a")
    assert again.trial_id == first.trial_id
    assert oracle.create_trial("b").trial_id != first.trial_id
    end_trial(oracle, again, None, "INVALID")
    assert oracle.trials[first.trial_id].status == TrialStatus.FAILED
    assert oracle.study.trials[0].state == TrialState.FAIL
    assert oracle.study.trials[0].user_attrs["fail_reason"] == "trial 00 failed"


def test_failed_trial_is_not_run_again(new_oracle: Any) -> None:
    oracle = new_oracle(max_retries_per_trial=1)
    first = oracle.create_trial("a")
    end_trial(oracle, first, None, "FAILED")
    assert oracle.create_trial("a").trial_id != first.trial_id
    assert trial_states(oracle) == ["FAIL", "RUNNING"]


@pytest.mark.filterwarnings("ignore:All-NaN")  # Keras Tuner's own, in numpy
def test_nan_fails_with_a_reason_and_a_retry_can_complete(new_oracle: Any) -> None:
    oracle = new_oracle(max_retries_per_trial=1)
    trial = oracle.create_trial("a")
    end_trial(oracle, trial, math.nan)
    assert oracle.trials["00"].status == TrialStatus.INVALID
    end_trial(oracle, oracle.create_trial("a"), 0.25)
    assert oracle.trials["00"].score == 0.25
    for _ in range(2):
        end_trial(oracle, oracle.create_trial("a"), math.nan)
    assert trial_states(oracle) == ["COMPLETE", "FAIL"]
    assert "val_loss: nan" in oracle.study.trials[1].user_attrs["fail_reason"]


def test_search_resumes_after_too_many_failures(new_oracle: Any) -> None:
    oracle = new_oracle(max_retries_per_trial=1)
    for _ in range(4):  # two trials, each run twice
        end_trial(oracle, oracle.create_trial("a"), None, "INVALID")
    end_trial(oracle, oracle.create_trial("a"), 0.5)
    for _ in range(2):
        end_trial(oracle, oracle.create_trial("a"), None, "FAILED")
    with pytest.raises(RuntimeError, match="Number of consecutive failures"):
        end_trial(oracle, oracle.create_trial("a"), None, "FAILED")
    assert trial_states(oracle) == ["FAIL", "FAIL", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    oracle = new_oracle(max_retries_per_trial=1)
    end_trial(oracle, oracle.create_trial("a"), 0.1)
    assert trial_states(oracle)[-1] == "COMPLETE"
    assert oracle.get_best_trials()[0].score == 0.1


@pytest.mark.filterwarnings("ignore:All-NaN")  # Keras Tuner's own, in numpy
def test_best_trials_exclude_nan(new_oracle: Any) -> None:
    oracle = new_oracle(max_trials=6)
    for value in (0.5, 0.25, math.nan, 0.75):
        end_trial(oracle, oracle.create_trial("a"), value)
    assert [trial.score for trial in oracle.get_best_trials(3)] == [0.25, 0.5, 0.75]
    assert oracle.remaining_trials() == 2
