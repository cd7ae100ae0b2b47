"""The results of a search: the table of its trials, and the comparison with the defaults."""

from pathlib import Path

import pytest
from keras_tuner.engine.trial import TrialStatus

from pipelines.errors import InputError
from songpop_tf.tuning.results import comparison, trials_table, write_results
from tests.songpop_tf.tuning.helpers import (
    DEFAULT_X,
    RecordingConsole,
    finished_oracle,
    read_trials,
)


def test_table_has_a_row_for_each_trial(tmp_path: Path) -> None:
    oracle = finished_oracle(tmp_path, 12)
    oracle.trials["01"].status = TrialStatus.STOPPED
    oracle.trials["02"].status, oracle.trials["02"].message = TrialStatus.FAILED, "out of memory"
    table = trials_table(oracle)
    assert list(table.trial) == [f"{number:02}" for number in range(12)], "in numerical order"
    assert list(table.status[:4]) == ["completed", "pruned", "failed", "completed"]
    assert list(table.reason[:4]) == ["", "", "out of memory", ""]
    assert list(table.validation_mse) == [abs(x) for x in table.x]


def test_best_trials_are_compared_with_the_defaults(tmp_path: Path) -> None:
    oracle = finished_oracle(tmp_path, 12)
    best = oracle.get_best_trials(12)
    header, *rows = comparison(oracle, best).splitlines()
    for trial in best[:3]:
        assert f"trial {trial.trial_id}" in header
    assert "trial 00 (defaults)" in header, "though it is not among the best"
    assert [row.split()[0] for row in rows] == ["validation", "x"]
    assert rows[1].split()[-1] == str(DEFAULT_X)


def test_results_are_written_and_the_best_hyperparameters_returned(tmp_path: Path) -> None:
    console = RecordingConsole()
    best = write_results(finished_oracle(tmp_path, 6), tmp_path, console)
    table = read_trials(tmp_path)
    assert best.get("x") == table.x[table.validation_mse.idxmin()]
    assert any("(defaults)" in line for line in console.lines)
    figure = tmp_path / "figures" / "optimization_history.png"
    assert f"Optimization history: {figure}" in console.lines


def test_search_without_a_completed_trial_is_refused(tmp_path: Path) -> None:
    oracle = finished_oracle(tmp_path, 2)
    for trial in oracle.trials.values():
        trial.status, trial.message = TrialStatus.FAILED, "out of memory"
    with pytest.raises(InputError, match="a completed trial, received 2 failed: out of memory"):
        write_results(oracle, tmp_path, RecordingConsole())
    assert set(read_trials(tmp_path).reason) == {"out of memory"}
    oracle.trials["0"].status = TrialStatus.STOPPED
    with pytest.raises(InputError, match="received 1 pruned, 1 failed: out of memory"):
        write_results(oracle, tmp_path, RecordingConsole())
