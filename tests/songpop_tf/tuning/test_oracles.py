"""Keras Tuner's own oracles as a search uses them: the defaults first, and crash-safe files."""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial, TrialStatus

from songpop_tf.tuning.oracles import ALGORITHMS, OBJECTIVE
from tests.songpop_tf.tuning.helpers import DEFAULT_X, AbsoluteValueTuner, new_oracle

SINGLE_PROCESS = [name for name in ALGORITHMS if name != "optuna"]


def search(oracle: keras_tuner.Oracle, path: Path) -> list[float]:
    """The values tried."""
    tuner = AbsoluteValueTuner(oracle, path)
    tuner.search()
    return tuner.values


def interrupted_search(oracle: keras_tuner.Oracle, path: Path, stop_after: int) -> list[float]:
    """The values tried until the search was interrupted in the next trial."""
    tuner = AbsoluteValueTuner(oracle, path, stop_after)
    with pytest.raises(KeyboardInterrupt):
        tuner.search()
    return tuner.values


@pytest.mark.parametrize("algorithm", SINGLE_PROCESS)
def test_first_trial_has_the_defaults(algorithm: str, tmp_path: Path) -> None:
    values = search(new_oracle(algorithm, tmp_path), tmp_path)
    assert len(values) == 6
    assert values[0] == DEFAULT_X
    assert len(set(values)) > 3


@pytest.mark.parametrize("algorithm", SINGLE_PROCESS)
def test_interrupted_search_resumes_as_if_never_stopped(algorithm: str, tmp_path: Path) -> None:
    uninterrupted = search(new_oracle(algorithm, tmp_path / "whole"), tmp_path / "whole")
    before = interrupted_search(new_oracle(algorithm, tmp_path), tmp_path, stop_after=3)
    oracle = new_oracle(algorithm, tmp_path)
    after = search(oracle, tmp_path)
    assert len(before + after) == 6
    assert (before + after)[:4] == uninterrupted[:4], "the interrupted trial is run again"
    assert {trial.status for trial in oracle.trials.values()} == {TrialStatus.COMPLETED}


def test_running_trial_missing_in_the_oracle_file_is_run_again(tmp_path: Path) -> None:
    interrupted_search(new_oracle("random", tmp_path), tmp_path, stop_after=2)
    state = json.loads((tmp_path / "project" / "oracle.json").read_text())
    running = json.loads((tmp_path / "project" / "trial_2" / "trial.json").read_text())
    assert running["status"] == "RUNNING"
    state["ongoing_trials"] = {}  # as if killed before the oracle was saved
    state["start_order"].remove("2")
    (tmp_path / "project" / "oracle.json").write_text(json.dumps(state))
    oracle = new_oracle("random", tmp_path)
    assert running["hyperparameters"]["values"]["x"] in search(oracle, tmp_path)
    assert [trial.status for trial in oracle.trials.values()] == [TrialStatus.COMPLETED] * 6
    assert sorted(oracle.start_order) == [str(number) for number in range(6)]


def test_completed_trial_missing_in_the_oracle_file_is_not_run_again(tmp_path: Path) -> None:
    before = interrupted_search(new_oracle("random", tmp_path), tmp_path, stop_after=2)
    file = tmp_path / "project" / "trial_2" / "trial.json"
    trial = Trial.load(str(file))
    trial.status, trial.score = TrialStatus.COMPLETED, 0.5
    trial.metrics.register(OBJECTIVE.name, "min")
    trial.metrics.update(OBJECTIVE.name, 0.5)
    file.write_text(json.dumps(trial.get_state()))
    oracle = new_oracle("random", tmp_path)
    after = search(oracle, tmp_path)
    assert trial.hyperparameters.get("x") not in before + after
    assert len(after) == 3
    assert oracle.trials["2"].score == 0.5
    assert sorted(oracle.end_order) == [str(number) for number in range(6)]


def test_oracle_file_is_written_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = new_oracle("random", tmp_path)
    search(oracle, tmp_path)
    file = tmp_path / "project" / "oracle.json"
    before = file.read_text()

    def raise_disk_full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", raise_disk_full)
    with pytest.raises(OSError, match="no space left"):
        oracle.save()
    assert file.read_text() == before


def test_unknown_algorithm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="algorithm: expected one of random, .* received grid"):
        new_oracle("grid", tmp_path)
