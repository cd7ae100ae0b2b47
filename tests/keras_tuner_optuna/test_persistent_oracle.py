"""A search resumes after a restart and after a kill at any time."""

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest

from keras_tuner_optuna import OptunaOracle, trial_store

from .oracles import (
    abs_x,
    conditional_space,
    end_trial,
    float_space,
    journal_storage,
    make_oracle,
    run_trials,
    trial_states,
)
from .processes import FORK, exit_code, recorded_runs, search, start_process


def test_search_resumes_with_the_interrupted_trial(new_oracle: Any) -> None:
    oracle = new_oracle(max_trials=6)
    run_trials(oracle, abs_x, limit=3)
    running = oracle.create_trial("a")
    oracle = new_oracle(max_trials=6)
    oracle.reload()
    assert oracle.remaining_trials() == 2
    again = oracle.create_trial("b")
    assert again.trial_id == running.trial_id
    assert again.hyperparameters.values == running.hyperparameters.values
    end_trial(oracle, again, 0.125)
    done = run_trials(oracle, abs_x)
    assert len(done) == 2
    assert trial_states(oracle) == ["COMPLETE"] * 6
    assert len({trial.params["x"] for trial in oracle.study.trials}) == 6
    assert oracle.study.trials[3].value == 0.125


def test_in_memory_study_is_rebuilt_from_files(tmp_path: Path) -> None:
    oracle = make_oracle(
        tmp_path, hyperparameters=conditional_space(), max_trials=20, max_retries_per_trial=1
    )
    run_trials(oracle, lambda values: len(values), limit=12)
    end_trial(oracle, oracle.create_trial("a"), None, "FAILED")
    end_trial(oracle, oracle.create_trial("a"), None, "INVALID")
    again = make_oracle(
        tmp_path, hyperparameters=conditional_space(), max_trials=20, max_retries_per_trial=1
    )
    again.reload()

    def saved_trials(oracle: OptunaOracle) -> list[Any]:
        saved = [trial for trial in oracle.study.trials if "keras_tuner_trial" in trial.user_attrs]
        return [(t.number, t.state, t.values, t.params, t.distributions) for t in saved]

    assert saved_trials(again) == saved_trials(oracle)
    assert again._retry_queue == oracle._retry_queue
    best = [trial.score for trial in oracle.get_best_trials(3)]
    assert [trial.score for trial in again.get_best_trials(3)] == best


def test_random_draws_are_not_repeated_after_a_restart(new_oracle: Any) -> None:
    done = []
    for process in range(1, 4):
        oracle = new_oracle(sampler="RandomSampler", max_trials=8 * process, max_collisions=0)
        done += run_trials(oracle, abs_x)
    assert len({values["x"] for values in done}) == len(done) == 24


def test_project_of_another_oracle_is_refused(tmp_path: Path) -> None:
    other = keras_tuner.oracles.RandomSearchOracle("val_loss", hyperparameters=float_space())
    other._set_project_dir(tmp_path, "project")
    other.save()
    with pytest.raises(RuntimeError, match="Error reloading `Oracle` from existing project"):
        make_oracle(tmp_path, hyperparameters=float_space()).create_trial("a")


def test_worker_name_takes_over_the_trials_of_a_lost_machine(tmp_path: Path) -> None:
    options = {"hyperparameters": float_space(), "worker": "gone"}
    lost = make_oracle(tmp_path / "a", storage=journal_storage(tmp_path), **options).create_trial(
        "x"
    )
    successor = make_oracle(
        tmp_path / "b", storage=journal_storage(tmp_path), **options
    ).create_trial("y")
    assert successor.trial_id == lost.trial_id
    assert successor.hyperparameters.values == lost.hyperparameters.values


def truncate_and_open(path: str, mode: str, file: Any = keras_tuner.src.backend.io.File) -> Any:
    """Open a file that is already empty on disk, as between `open` and the first write."""
    if mode == "w":
        Path(path).write_text("")
    return file(path, mode)


def kill_after_write(number: int) -> None:
    """Make this process kill itself right after its n-th write, to a file or to a study."""
    count = itertools.count(1)

    def after(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    for cls in (optuna.storages.JournalStorage, optuna.storages.InMemoryStorage):
        for name in vars(cls):
            if name.startswith(("set_trial", "create_new_trial")):
                setattr(cls, name, after(getattr(cls, name)))
    os.replace = after(os.replace)
    json.dump = after(json.dump)  # the temporary file is written, but not renamed yet
    keras_tuner.src.backend.io.File = after(truncate_and_open)  # files that it overwrites in place


@pytest.mark.parametrize("shared", [False, True])
def test_search_resumes_after_a_kill_at_any_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """Run one trial in a process that is killed, then a second trial in this process."""
    monkeypatch.setattr(trial_store, "_GRACE_SECONDS", 0.1)

    def run_search(path: Path, trials: int) -> None:
        storage = journal_storage(path) if shared else None
        search(path, make_oracle(path, storage=storage, max_trials=trials))

    def run_and_die(path: Path) -> None:
        kill_after_write(int(path.name))
        run_search(path, 1)

    for first in itertools.count(1, 4):
        paths = [tmp_path / str(write) for write in range(first, first + 4)]
        for path in paths:
            path.mkdir()
        exit_codes = [
            exit_code(process) for process in [start_process(run_and_die, path) for path in paths]
        ]
        assert set(exit_codes) <= {0, -signal.SIGKILL}
        for path in paths:
            before = completed_scores(path, shared)
            run_search(path, 2)
            after = completed_scores(path, shared)
            assert before.items() <= after.items(), f"killed after write {path.name}"
            assert len(after) == 2
            assert all(len(recorded_runs(path)[trial_id]) == 1 for trial_id in before)
            assert not shared or study_states(path) <= {"COMPLETE", "FAIL"}
        if 0 in exit_codes:
            break
    assert first > 8


def study_states(path: Path) -> set[str]:
    study = optuna.load_study(study_name="study", storage=journal_storage(path))
    return {trial.state.name for trial in study.trials}


def completed_scores(path: Path, shared: bool) -> dict[str, float]:
    """Scores of the completed trials by id, from the study if it is shared, else from files."""
    if shared:
        storage = journal_storage(path)
        if "study" not in optuna.get_all_study_names(storage):
            return {}
        trials = optuna.load_study(study_name="study", storage=storage).trials
        states = [trial.user_attrs.get("keras_tuner_trial", "{}") for trial in trials]
    else:
        states = [file.read_text() for file in path.glob("project/trial_*/trial.json")]
    completed = [state for state in map(json.loads, states) if state.get("status") == "COMPLETED"]
    return {state["trial_id"]: state["score"] for state in completed}


def test_search_on_sqlite_resumes_after_a_kill(tmp_path: Path) -> None:
    def run_search(after_run: Callable[[], Any]) -> None:
        search(tmp_path, make_oracle(tmp_path, storage=tmp_path / "s.db", max_trials=8), after_run)

    process = start_process(
        run_search, lambda: time.sleep(60) if len(recorded_runs(tmp_path)) == 4 else None
    )
    while len(recorded_runs(tmp_path)) < 4:
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    assert exit_code(process) == -signal.SIGKILL
    storage = f"sqlite:///{tmp_path / 's.db'}"
    study = optuna.load_study(study_name="study", storage=storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert exit_code(start_process(run_search, int)) == 0
    study = optuna.load_study(study_name="study", storage=storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 8
    assert [len(runs) for runs in recorded_runs(tmp_path).values()] == [1, 1, 1, 2, 1, 1, 1, 1]


def test_worker_name_is_locked_while_its_process_runs(tmp_path: Path) -> None:
    release, locked = FORK.Event(), FORK.Event()

    def hold_name() -> None:
        make_oracle(
            tmp_path, storage=journal_storage(tmp_path), hyperparameters=float_space()
        ).create_trial("a")
        locked.set()
        release.wait(10)

    process = start_process(hold_name)
    assert locked.wait(10)
    second = make_oracle(tmp_path, storage=journal_storage(tmp_path), hyperparameters=float_space())
    with pytest.raises(
        RuntimeError,
        match="worker .*: expected a name that no running oracle uses, received a second",
    ):
        second.create_trial("a")
    release.set()
    assert exit_code(process) == 0
    third = make_oracle(tmp_path, storage=journal_storage(tmp_path), hyperparameters=float_space())
    assert third.create_trial("a").trial_id == "00"  # the trial of the first, which has ended
