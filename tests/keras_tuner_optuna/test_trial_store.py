"""A study in a storage, and several oracles that share it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_tuner_optuna import OptunaOracle
from keras_tuner_optuna.trial_store import open_storage

from .oracles import (
    abs_x,
    float_space,
    journal_storage,
    make_oracle,
    run_trials,
    small_space,
    trial_states,
    zero,
)
from .processes import FORK, exit_code, recorded_runs, search, start_process


def test_sqlite_needs_no_project_directory(tmp_path: Path) -> None:
    options = {
        "storage": tmp_path / "new" / "s.db",
        "hyperparameters": float_space(),
        "max_trials": 3,
    }
    run_trials(make_oracle(tmp_path / "a", **options), abs_x, limit=2)
    elsewhere = make_oracle(tmp_path / "b", **options)
    assert len(elsewhere.get_best_trials(5)) == 2
    assert len(run_trials(elsewhere, abs_x)) == 1
    uri = f"sqlite:///{tmp_path / 'new' / 's.db'}"
    assert [
        trial.number
        for trial in make_oracle(tmp_path / "c", **{**options, "storage": uri}).study.trials
    ] == [0, 1, 2]


def test_another_study_or_direction_is_refused(tmp_path: Path) -> None:
    run_trials(
        make_oracle(tmp_path, storage=journal_storage(tmp_path), hyperparameters=float_space()),
        abs_x,
        limit=1,
    )
    with pytest.raises(
        ValueError, match="study study: expected direction maximize, received minimize"
    ):
        make_oracle(
            tmp_path, keras_tuner.Objective("val_loss", "max"), storage=journal_storage(tmp_path)
        )
    other = make_oracle(tmp_path, storage=journal_storage(tmp_path), study_name="other")
    with pytest.raises(
        ValueError, match="expected a project of study other, received one of study study"
    ):
        other.reload()


def test_trial_whose_draw_raises_is_not_left_running(tmp_path: Path) -> None:
    oracle = make_oracle(tmp_path, storage=journal_storage(tmp_path), hyperparameters=small_space())
    run_trials(oracle, lambda values: values["a"], limit=1)
    hps = keras_tuner.HyperParameters()
    hps.Choice("b", ["other", "values"])
    changed = make_oracle(tmp_path / "new", storage=journal_storage(tmp_path), hyperparameters=hps)
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        run_trials(changed, zero)
    assert "RUNNING" not in trial_states(changed)


def after_publishing(
    monkeypatch: pytest.MonkeyPatch, oracle: OptunaOracle, function: Callable[[], Any]
) -> None:
    """Call a function once, between publishing an oracle's values and checking those of others."""
    publish_values, pending = oracle._store.publish_values, [function]

    def publish_and_call(*args: Any) -> None:
        publish_values(*args)
        if pending:
            pending.pop()()

    monkeypatch.setattr(oracle._store, "publish_values", publish_and_call)


def test_retry_logs_no_password(caplog: pytest.LogCaptureFixture) -> None:
    url = "sqlite://user:secret@no-such-host/study"
    with caplog.at_level("INFO", "keras_tuner_optuna"), pytest.raises(Exception, match="sqlite"):
        open_storage(url)
    assert "retrying" in caplog.text
    assert "secret" not in caplog.text


def two_oracles(tmp_path: Path, **options: Any) -> list[OptunaOracle]:
    space = {"hyperparameters": small_space(), **options}
    return [
        make_oracle(tmp_path / name, storage=journal_storage(tmp_path), worker=name, **space)
        for name in "ab"
    ]


def test_same_values_drawn_at_the_same_time_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_oracles(tmp_path)
    values = {"a": 1, "b": "v"}
    others: list[Trial] = []
    first.enqueue(values)
    second.enqueue(values)
    after_publishing(monkeypatch, first, lambda: others.append(second.create_trial("x")))
    assert first.create_trial("x").hyperparameters.values == values
    assert others[0].hyperparameters.values != values
    assert trial_states(second) == ["RUNNING", "FAIL", "RUNNING"]


def test_last_trial_drawn_at_the_same_time_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_oracles(tmp_path, max_trials=1)
    others: list[Trial] = []
    after_publishing(monkeypatch, first, lambda: others.append(second.create_trial("x")))
    assert first.create_trial("x").status == TrialStatus.RUNNING
    assert others[0].status == TrialStatus.STOPPED
    assert second.study.trials[1].user_attrs["fail_reason"] == "beyond max_trials=1"


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    """They start at the same time without a database, in one directory, with the same seed."""
    barrier = FORK.Barrier(2)

    def worker(number: int) -> None:
        os.environ["KERASTUNER_TUNER_ID"] = f"tuner{number}"
        oracle = make_oracle(tmp_path, storage=tmp_path / "s.db", max_trials=12)
        first = iter([True])  # wait for the other process in the first trial only
        search(tmp_path, oracle, lambda: barrier.wait(60) if next(first, False) else None)

    processes = [start_process(worker, number) for number in range(2)]
    assert [exit_code(process) for process in processes] == [0, 0]
    runs = recorded_runs(tmp_path)
    assert len(runs) == 12
    assert all(len(trial_runs) == 1 for trial_runs in runs.values())
    process_ids, values = zip(*(trial_runs[0] for trial_runs in runs.values()), strict=True)
    assert len(set(process_ids)) == 2
    assert len(set(values)) == 12
    observer = make_oracle(tmp_path / "observer", storage=tmp_path / "s.db", max_trials=12)
    assert trial_states(observer).count("COMPLETE") == 12
    assert observer.get_best_trials()[0].score == min(abs(float(value)) for value in values)
    assert observer.create_trial("a").status == TrialStatus.STOPPED


def test_processes_exhaust_a_small_space_together(tmp_path: Path) -> None:
    barrier = FORK.Barrier(2)

    def slow(values: dict[str, Any]) -> float:
        time.sleep(0.01)
        return float(values["a"])

    def worker(name: str) -> None:
        space = {"hyperparameters": small_space(), "max_trials": 50, "max_collisions": 100}
        oracle = make_oracle(tmp_path / name, storage=tmp_path / "s.db", worker=name, **space)
        barrier.wait(60)
        run_trials(oracle, slow)

    processes = [start_process(worker, name) for name in "ab"]
    assert [exit_code(process) for process in processes] == [0, 0]
    observer = make_oracle(tmp_path / "observer", storage=tmp_path / "s.db")
    done = [tuple(trial.hyperparameters.values.values()) for trial in observer.get_best_trials(50)]
    assert len(done) == len(set(done)) == 6
