"""`AtomicOracle` keeps the files of any Keras Tuner oracle intact."""

from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from keras_tuner_optuna import AtomicOracle

from .oracles import float_space


class AtomicRandomSearch(AtomicOracle, keras_tuner.oracles.RandomSearchOracle):
    """Keras Tuner's random search with atomic files."""


def new_search(path: Path) -> AtomicRandomSearch:
    oracle = AtomicRandomSearch("val_loss", max_trials=6, hyperparameters=float_space())
    oracle._set_project_dir(path, "project")
    oracle.verbose = 0
    return oracle


def run_trial(oracle: keras_tuner.Oracle) -> None:
    trial = oracle.create_trial("tuner0")
    oracle.update_trial(trial.trial_id, {"val_loss": 0.5})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


@pytest.mark.parametrize("name", ["oracle.json", "trial_0/trial.json"])
def test_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    oracle = new_search(tmp_path)
    run_trial(oracle)
    file = tmp_path / "project" / name
    before = file.read_text()

    def raise_full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", raise_full)
    with pytest.raises(OSError, match="no space left"):
        oracle.save()
    with pytest.raises(OSError, match="no space left"):
        oracle._save_trial(oracle.trials["0"])
    assert file.read_text() == before


def test_search_reloads(tmp_path: Path) -> None:
    oracle = new_search(tmp_path)
    run_trial(oracle)
    resumed = new_search(tmp_path)
    resumed.reload()
    assert resumed.trials["0"].hyperparameters.values == oracle.trials["0"].hyperparameters.values


def test_empty_tuner_file_is_removed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "tuner0.json").touch()
    (project / "other.json").write_text("{}")
    new_search(tmp_path)
    assert [path.name for path in project.iterdir()] == ["other.json"]
