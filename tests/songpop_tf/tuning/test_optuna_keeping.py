"""What the Optuna oracle keeps, and takes up again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus

from songpop_tf.tuning.optuna_oracle import OptunaOracle
from tests.songpop_tf.tuning.oracles import (
    abs_x,
    conditional,
    end,
    journal,
    make,
    one_float,
    run,
    small,
    states,
    zero,
)


def test_search_goes_on(new: Any) -> None:
    oracle = new(max_trials=6)
    run(oracle, abs_x, limit=3)
    running = oracle.create_trial("a")
    oracle = new(max_trials=6)
    oracle.reload()
    assert oracle.remaining_trials() == 2
    again = oracle.create_trial("b")
    assert again.trial_id == running.trial_id
    assert again.hyperparameters.values == running.hyperparameters.values
    end(oracle, again, 0.125)
    done = run(oracle, abs_x)
    assert len(done) == 2
    assert states(oracle) == ["COMPLETE"] * 6
    assert len({trial.params["x"] for trial in oracle.study.trials}) == 6
    assert oracle.study.trials[3].value == 0.125


def test_study_in_memory_is_told_the_same_anew(tmp_path: Path) -> None:
    oracle = make(tmp_path, hyperparameters=conditional(), max_trials=20, max_retries_per_trial=1)
    run(oracle, lambda values: len(values), limit=12)
    end(oracle, oracle.create_trial("a"), None, "FAILED")
    end(oracle, oracle.create_trial("a"), None, "INVALID")
    again = make(tmp_path, hyperparameters=conditional(), max_trials=20, max_retries_per_trial=1)
    again.reload()

    def essence(oracle: OptunaOracle) -> list[Any]:
        ran = [trial for trial in oracle.study.trials if "keras_tuner_trial" in trial.user_attrs]
        return [(t.number, t.state, t.values, t.params, t.distributions) for t in ran]

    assert essence(again) == essence(oracle)
    assert again._retry_queue == oracle._retry_queue
    best = [trial.score for trial in oracle.get_best_trials(3)]
    assert [trial.score for trial in again.get_best_trials(3)] == best


def test_random_draws_are_not_repeated_after_a_restart(new: Any) -> None:
    done = []
    for process in range(1, 4):
        oracle = new(sampler="RandomSampler", max_trials=8 * process, max_collisions=0)
        done += run(oracle, abs_x)
    assert len({values["x"] for values in done}) == len(done) == 24


def test_sqlite_needs_no_project_directory(tmp_path: Path) -> None:
    options = {
        "storage": tmp_path / "new" / "s.db",
        "hyperparameters": one_float(),
        "max_trials": 3,
    }
    run(make(tmp_path / "a", **options), abs_x, limit=2)
    elsewhere = make(tmp_path / "b", **options)
    assert len(elsewhere.get_best_trials(5)) == 2
    assert len(run(elsewhere, abs_x)) == 1
    uri = f"sqlite:///{tmp_path / 'new' / 's.db'}"
    assert [
        trial.number for trial in make(tmp_path / "c", **{**options, "storage": uri}).study.trials
    ] == [0, 1, 2]


def test_another_study_is_refused(tmp_path: Path) -> None:
    run(make(tmp_path, storage=journal(tmp_path), hyperparameters=one_float()), abs_x, limit=1)
    with pytest.raises(
        ValueError, match="expected study study to maximize, received one to minimize"
    ):
        make(tmp_path, keras_tuner.Objective("val_loss", "max"), storage=journal(tmp_path))
    other = make(tmp_path, storage=journal(tmp_path), study_name="other")
    with pytest.raises(
        ValueError, match="expected a project of study other, received one of study study"
    ):
        other.reload()


def test_another_oracles_project_is_refused(tmp_path: Path) -> None:
    other = keras_tuner.oracles.RandomSearchOracle("val_loss", hyperparameters=one_float())
    other._set_project_dir(tmp_path, "project")
    other.save()
    with pytest.raises(RuntimeError, match="Error reloading `Oracle` from existing project"):
        make(tmp_path, hyperparameters=one_float()).create_trial("a")


def test_a_draw_that_breaks_is_not_left_running(tmp_path: Path) -> None:
    oracle = make(tmp_path, storage=journal(tmp_path), hyperparameters=small())
    run(oracle, lambda values: values["a"], limit=1)
    hps = keras_tuner.HyperParameters()
    hps.Choice("b", ["other", "values"])
    changed = make(tmp_path / "new", storage=journal(tmp_path), hyperparameters=hps)
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        run(changed, zero)
    assert "RUNNING" not in states(changed)


def test_a_lost_machine_is_replaced_by_name(tmp_path: Path) -> None:
    options = {"hyperparameters": one_float(), "worker": "gone"}
    lost = make(tmp_path / "a", storage=journal(tmp_path), **options).create_trial("x")
    heir = make(tmp_path / "b", storage=journal(tmp_path), **options).create_trial("y")
    assert heir.trial_id == lost.trial_id
    assert heir.hyperparameters.values == lost.hyperparameters.values


def amid(monkeypatch: pytest.MonkeyPatch, oracle: OptunaOracle, act: Callable[[], Any]) -> None:
    """Has something happen once, between an oracle's draw and its look at the others'."""
    claim, acts = oracle._book.claim, [act]

    def claimed(*args: Any) -> None:
        claim(*args)
        if acts:
            acts.pop()()

    monkeypatch.setattr(oracle._book, "claim", claimed)


def pair(tmp_path: Path, **options: Any) -> list[OptunaOracle]:
    space = {"hyperparameters": small(), **options}
    return [make(tmp_path / name, storage=journal(tmp_path), worker=name, **space) for name in "ab"]


def test_two_that_draw_the_same_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pair(tmp_path)
    values = {"a": 1, "b": "v"}
    others: list[Trial] = []
    first.enqueue(values)
    second.enqueue(values)
    amid(monkeypatch, first, lambda: others.append(second.create_trial("x")))
    assert first.create_trial("x").hyperparameters.values == values
    assert others[0].hyperparameters.values != values
    assert states(second) == ["RUNNING", "FAIL", "RUNNING"]


def test_two_that_draw_the_last_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pair(tmp_path, max_trials=1)
    others: list[Trial] = []
    amid(monkeypatch, first, lambda: others.append(second.create_trial("x")))
    assert first.create_trial("x").status == TrialStatus.RUNNING
    assert others[0].status == TrialStatus.STOPPED
    assert second.study.trials[1].user_attrs["fail_reason"] == "beyond 1 trials"
