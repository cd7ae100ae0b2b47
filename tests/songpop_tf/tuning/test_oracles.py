"""Keras Tuner's own oracles as a search uses them: the defaults first, and files that survive."""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus

from songpop_tf.tuning.optuna_oracle import as_study
from songpop_tf.tuning.oracles import ALGORITHMS, OBJECTIVE, oracle_of

SINGLE = [name for name in ALGORITHMS if name != "optuna"]


class Search(keras_tuner.Tuner):
    """A search without Keras; stops as if killed after some trials."""

    def __init__(self, oracle: keras_tuner.Oracle, path: Path, stop_after: int = -1) -> None:
        super().__init__(oracle, space, directory=str(path), project_name="project")
        self.oracle.verbose = 0
        self.seen: list[float] = []
        self._stop_after = stop_after

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        if len(self.seen) == self._stop_after:
            raise KeyboardInterrupt
        self.seen.append(trial.hyperparameters.get("x"))
        return {OBJECTIVE.name: abs(self.seen[-1])}

    def save(self) -> None:
        self.oracle.save()


def space(hp: keras_tuner.HyperParameters) -> None:
    hp.Float("x", -1, 1, default=0.75)


def new(algorithm: str, path: Path, trials: int = 6) -> keras_tuner.Oracle:
    return oracle_of(algorithm, trials, 9, 0, path / "study.db", "study", "worker")


def search(oracle: keras_tuner.Oracle, path: Path, stop_after: int = -1) -> list[float]:
    """The values tried."""
    tuner = Search(oracle, path, stop_after)
    if stop_after < 0:
        tuner.search()
    else:
        with pytest.raises(KeyboardInterrupt):
            tuner.search()
    return tuner.seen


@pytest.mark.parametrize("algorithm", SINGLE)
def test_the_first_trial_has_the_defaults(algorithm: str, tmp_path: Path) -> None:
    seen = search(new(algorithm, tmp_path), tmp_path)
    assert len(seen) == 6
    assert seen[0] == 0.75
    assert len(set(seen)) > 3


@pytest.mark.parametrize("algorithm", SINGLE)
def test_a_search_goes_on_as_if_it_had_not_stopped(algorithm: str, tmp_path: Path) -> None:
    whole = search(new(algorithm, tmp_path / "whole"), tmp_path / "whole")
    first = search(new(algorithm, tmp_path), tmp_path, stop_after=3)
    oracle = new(algorithm, tmp_path)
    then = search(oracle, tmp_path)
    assert len(first + then) == 6
    assert (first + then)[:4] == whole[:4], "the trial that ran is run again"
    assert {trial.status for trial in oracle.trials.values()} == {TrialStatus.COMPLETED}


def test_a_trial_that_only_its_own_file_knows_of_is_run(tmp_path: Path) -> None:
    search(new("random", tmp_path), tmp_path, stop_after=2)
    state = json.loads((tmp_path / "project" / "oracle.json").read_text())
    running = json.loads((tmp_path / "project" / "trial_2" / "trial.json").read_text())
    assert running["status"] == "RUNNING"
    state["ongoing_trials"] = {}  # as if killed before the oracle was saved
    state["start_order"].remove("2")
    (tmp_path / "project" / "oracle.json").write_text(json.dumps(state))
    oracle = new("random", tmp_path)
    assert running["hyperparameters"]["values"]["x"] in search(oracle, tmp_path)
    assert [trial.status for trial in oracle.trials.values()] == [TrialStatus.COMPLETED] * 6
    assert sorted(oracle.start_order) == [str(number) for number in range(6)]


def test_a_trial_whose_end_only_its_own_file_tells_is_not_run_again(tmp_path: Path) -> None:
    first = search(new("random", tmp_path), tmp_path, stop_after=2)
    file = tmp_path / "project" / "trial_2" / "trial.json"
    trial = Trial.load(str(file))
    trial.status, trial.score = TrialStatus.COMPLETED, 0.5
    trial.metrics.register(OBJECTIVE.name, "min")
    trial.metrics.update(OBJECTIVE.name, 0.5)
    file.write_text(json.dumps(trial.get_state()))
    oracle = new("random", tmp_path)
    then = search(oracle, tmp_path)
    assert trial.hyperparameters.get("x") not in first + then
    assert len(then) == 3
    assert oracle.trials["2"].score == 0.5
    assert sorted(oracle.end_order) == [str(number) for number in range(6)]


def test_files_are_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = new("random", tmp_path)
    search(oracle, tmp_path)
    file = tmp_path / "project" / "oracle.json"
    before = file.read_text()

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        oracle.save()
    assert file.read_text() == before


@pytest.mark.parametrize("algorithm", SINGLE)
def test_any_search_becomes_a_study(algorithm: str, tmp_path: Path) -> None:
    oracle = new(algorithm, tmp_path)
    seen = search(oracle, tmp_path)
    study = as_study(oracle)
    assert sorted(trial.params["x"] for trial in study.trials) == sorted(seen)
    assert study.best_value == min(abs(x) for x in seen)


def test_an_unknown_algorithm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one of random, .* received grid"):
        new("grid", tmp_path)
