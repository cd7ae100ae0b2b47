"""Searches with the Optuna oracle in processes that die, and in several at once."""

import collections
import gc
import itertools
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus

from songpop_tf.tuning.optuna_oracle import OptunaOracle, PruningMixin, study
from tests.songpop_tf.tuning.oracles import journal, make, one_float, run, small, states

FORK = multiprocessing.get_context("fork")  # so that no process need import TensorFlow again


class Search(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # untyped
    """A search without Keras: notes each run of a trial in a file, with the process that ran it."""

    def run_trial(self, trial: Trial, *_: Any, **kwargs: Any) -> float:
        x = float(trial.hyperparameters.Float("x", -1, 1))
        model = type("Model", (), {"stop_training": False})
        self.on_epoch_end(trial, model, 0, {"val_loss": abs(x)})
        with open(kwargs["runs"], "a") as file:
            file.write(f"{trial.trial_id} {os.getpid()} {x!r}\n")
        kwargs["after_run"]()
        return abs(x)


def search(path: Path, oracle: OptunaOracle, after_run: Callable[[], Any] = int) -> None:
    tuner = Search(oracle, lambda hp: hp.Float("x", -1, 1), directory=path, project_name="project")
    tuner.search(verbose=0, runs=path / "runs", after_run=after_run)


def runs(path: Path) -> dict[str, list[list[str]]]:
    """For each trial its runs: process and value."""
    found = collections.defaultdict(list)
    for line in (path / "runs").read_text().splitlines() if (path / "runs").exists() else ():
        found[line.split()[0]].append(line.split()[1:])
    return dict(found)


def child(target: Callable[..., None], *args: Any) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=target, args=args)
    # What other tests left of TensorFlow must not be collected in the child: the locks that this
    # takes may have been held by a thread that does not live there.
    gc.freeze()
    process.start()
    gc.unfreeze()
    return process


def code(process: multiprocessing.process.BaseProcess) -> int | None:
    """Exit code of a process, once it has ended; None if it hangs."""
    process.join(60)
    return process.exitcode


def emptied(path: str, mode: str, file: Any = keras_tuner.src.backend.io.File) -> Any:
    """A file as it is between being opened and written to."""
    if mode == "w":
        Path(path).write_text("")
    return file(path, mode)


def dying(kill_at: int) -> None:
    """Has this process die right after its n-th write, be it to a file or to a study."""
    count = itertools.count(1)

    def after(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if next(count) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    for cls in (optuna.storages.JournalStorage, optuna.storages.InMemoryStorage):
        for name in vars(cls):
            if name.startswith(("set_trial", "create_new_trial")):
                setattr(cls, name, after(getattr(cls, name)))
    os.replace = after(os.replace)
    json.dump = after(json.dump)  # the temporary file is written, but not yet in its place
    keras_tuner.src.backend.io.File = after(emptied)  # what Keras Tuner itself writes, in place


@pytest.mark.parametrize("stored", [False, True])
def test_killed_after_any_write_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """One trial in a process that dies, a second one after it."""
    monkeypatch.setattr(study, "_GRACE", 0.1)

    def once(path: Path, trials: int) -> None:
        storage = journal(path) if stored else None
        search(path, make(path, storage=storage, max_trials=trials))

    def doomed(path: Path) -> None:
        dying(int(path.name))
        once(path, 1)

    for first in itertools.count(1, 4):
        paths = [tmp_path / str(kill_at) for kill_at in range(first, first + 4)]
        for path in paths:
            path.mkdir()
        died = [code(process) for process in [child(doomed, path) for path in paths]]
        assert set(died) <= {0, -signal.SIGKILL}
        for path in paths:
            over = finished(path, stored)
            once(path, 2)
            after = finished(path, stored)
            assert over.items() <= after.items(), f"killed after write {path.name}"
            assert len(after) == 2
            assert all(len(runs(path)[trial_id]) == 1 for trial_id in over)
            assert not stored or left(path) <= {"COMPLETE", "FAIL"}
        if 0 in died:
            break
    assert first > 8


def left(path: Path) -> set[str]:
    there = optuna.load_study(study_name="study", storage=journal(path))
    return {trial.state.name for trial in there.trials}


def finished(path: Path, stored: bool) -> dict[str, float]:
    """Scores of the trials that are over, as the study's records or else the files tell."""
    if stored:
        there = "study" in optuna.get_all_study_names(journal(path))
        found = optuna.load_study(study_name="study", storage=journal(path)) if there else None
        trials = found.trials if found else []
        records = [trial.user_attrs.get("keras_tuner_trial", "{}") for trial in trials]
    else:
        records = [file.read_text() for file in path.glob("project/trial_*/trial.json")]
    over = [trial for trial in map(json.loads, records) if trial.get("status") == "COMPLETED"]
    return {trial["trial_id"]: trial["score"] for trial in over}


def test_killed_from_outside_it_goes_on(tmp_path: Path) -> None:
    def once(after_run: Callable[[], Any]) -> None:
        search(tmp_path, make(tmp_path, storage=tmp_path / "s.db", max_trials=8), after_run)

    process = child(once, lambda: time.sleep(60) if len(runs(tmp_path)) == 4 else None)
    while len(runs(tmp_path)) < 4:
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    assert code(process) == -signal.SIGKILL
    storage = f"sqlite:///{tmp_path / 's.db'}"
    found = optuna.load_study(study_name="study", storage=storage)
    assert [trial.state.name for trial in found.trials] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert code(child(once, int)) == 0
    found = optuna.load_study(study_name="study", storage=storage)
    assert [trial.state.name for trial in found.trials] == ["COMPLETE"] * 8
    assert [len(found) for found in runs(tmp_path).values()] == [1, 1, 1, 2, 1, 1, 1, 1]


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    """Both start at once on a database that is not there yet, in one directory, under one seed."""
    together = FORK.Barrier(2)

    def worker(number: int) -> None:
        os.environ["KERASTUNER_TUNER_ID"] = f"tuner{number}"
        oracle = make(tmp_path, storage=tmp_path / "s.db", max_trials=12)
        first = iter([True])
        search(tmp_path, oracle, lambda: together.wait(60) if next(first, False) else None)

    assert [code(process) for process in [child(worker, 0), child(worker, 1)]] == [0, 0]
    found = runs(tmp_path)
    assert len(found) == 12
    assert all(len(once) == 1 for once in found.values())
    processes, values = zip(*(once[0] for once in found.values()), strict=True)
    assert len(set(processes)) == 2
    assert len(set(values)) == 12
    reader = make(tmp_path / "reader", storage=tmp_path / "s.db", max_trials=12)
    assert states(reader).count("COMPLETE") == 12
    assert reader.get_best_trials()[0].score == min(abs(float(value)) for value in values)
    assert reader.create_trial("a").status == TrialStatus.STOPPED


def test_processes_exhaust_a_small_space_together(tmp_path: Path) -> None:
    together = FORK.Barrier(2)

    def slow(values: dict[str, Any]) -> float:
        time.sleep(0.01)
        return float(values["a"])

    def worker(name: str) -> None:
        space = {"hyperparameters": small(), "max_trials": 50, "max_collisions": 100}
        oracle = make(tmp_path / name, storage=tmp_path / "s.db", worker=name, **space)
        together.wait(60)
        run(oracle, slow)

    assert [code(process) for process in [child(worker, name) for name in "ab"]] == [0, 0]
    reader = make(tmp_path / "reader", storage=tmp_path / "s.db")
    done = [tuple(trial.hyperparameters.values.values()) for trial in reader.get_best_trials(50)]
    assert len(done) == len(set(done)) == 6


def test_one_name_is_one_process(tmp_path: Path) -> None:
    holder, held = FORK.Event(), FORK.Event()

    def hold() -> None:
        make(tmp_path, storage=journal(tmp_path), hyperparameters=one_float()).create_trial("a")
        held.set()
        holder.wait(10)

    process = child(hold)
    assert held.wait(10)
    second = make(tmp_path, storage=journal(tmp_path), hyperparameters=one_float())
    with pytest.raises(
        RuntimeError, match="expected one oracle at a time named .*received a second"
    ):
        second.create_trial("a")
    holder.set()
    assert code(process) == 0
    third = make(tmp_path, storage=journal(tmp_path), hyperparameters=one_float())
    assert third.create_trial("a").trial_id == "00"  # the first one's, which died with it
