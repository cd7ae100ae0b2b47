"""Searches of the branches: what they write, how they resume, and how processes share them."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.config import RunConfig, load_config
from songpop_tf.tuning.oracles import ALGORITHMS
from songpop_tf.tuning.search import SearchOptions, search
from tests.conftest import TINY
from tests.songpop_tf.tuning.fake_hypermodels import FakeHyperModel
from tests.songpop_tf.tuning.helpers import (
    RecordingConsole,
    read_trials,
    search_head,
    started_trials,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_search_starts_with_the_defaults_and_keeps_the_best(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel], algorithm: str
) -> None:
    lines = search_head(data, tmp_path, algorithm, 5)
    dropouts = hypermodels[0].dropouts
    table = read_trials(tmp_path / "combined")
    assert len(table) == len(dropouts) == 5
    assert table["fusion.dropout"][0] == dropouts[0] == TINY.fusion.dropout
    assert table["head_fit.learning_rate"][0] == TINY.head_fit.learning_rate
    assert table["fusion.dropout"].nunique() > 3
    best = load_config(tmp_path / "best.toml")
    completed = table[table.status == "completed"]
    row = completed.loc[completed.validation_mse.astype(float).idxmin()]
    assert best.fusion.dropout == row["fusion.dropout"] == pytest.approx(min(dropouts))
    assert best.head_fit.epochs == row["epochs" if algorithm == "hyperband" else "head_fit.epochs"]
    assert best.metadata == TINY.metadata, "only the head is searched"
    for figure in ("optimization_history", "parameter_importance"):
        assert (tmp_path / "combined" / "figures" / f"{figure}.png").stat().st_size > 5_000
    assert any(line.startswith("\ntrial 0") and "default hyper" in line for line in lines)
    comparison = next(line for line in lines if "validation MSE" in line and "(defaults)" in line)
    assert "fusion.dropout" in comparison


def test_search_resumes_for_more_trials(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel]
) -> None:
    search_head(data, tmp_path, "optuna", 9)
    before = read_trials(tmp_path / "combined")
    assert len(started_trials(search_head(data, tmp_path, "optuna", 11))) == 2
    after = read_trials(tmp_path / "combined")
    assert list(after.index) == sorted(after.index), "in the order of their numbers"
    assert len(after) == 11
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    assert [len(hypermodel.dropouts) for hypermodel in hypermodels] == [9, 2]


def test_head_is_searched_on_the_best_branches(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel]
) -> None:
    options = SearchOptions("random", 3)
    best = search(data, tmp_path, "all", options, TINY, RecordingConsole())
    assert load_config(tmp_path / "best.toml") == best
    text, cnn, head = hypermodels
    assert [hypermodel.branch for hypermodel in hypermodels] == ["text", "cnn", "combined"]
    assert best.metadata.dropout == min(text.dropouts)
    assert best.cnn.dropout == min(cnn.dropouts)
    assert best.fusion.dropout == min(head.dropouts)
    assert (text.context.base, cnn.context.base) == (TINY, TINY)
    assert head.context.base.metadata == best.metadata
    assert head.context.base.cnn == best.cnn
    again = search(data, tmp_path, "all", options, TINY, RecordingConsole())
    assert again == best, "no trials are left"


def test_search_of_the_head_restarts_on_better_branches(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel]
) -> None:
    search(data, tmp_path, "all", SearchOptions("random", 1), TINY, RecordingConsole())
    console = RecordingConsole()
    best = search(data, tmp_path, "all", SearchOptions("random", 6), TINY, console)
    text, _, head = hypermodels[3:]
    assert best.metadata.dropout == min(text.dropouts) < TINY.metadata.dropout
    assert head.context.base.metadata == best.metadata
    assert len(head.dropouts) == 6
    assert len(read_trials(tmp_path / "combined.1")) == 1, "the earlier search is archived"
    assert any("combined.1" in line for line in console.lines)


@pytest.mark.usefixtures("hypermodels")
def test_search_that_another_process_runs_is_not_archived(
    data: PreparedData, tmp_path: Path
) -> None:
    search(data, tmp_path, "all", SearchOptions("random", 1), TINY, RecordingConsole())
    with (
        FileLock(tmp_path / "combined" / "worker-2.lock"),
        pytest.raises(InputError, match="received one that searches on earlier branches"),
    ):
        search(data, tmp_path, "all", SearchOptions("random", 6), TINY, RecordingConsole())
    assert len(read_trials(tmp_path / "combined")) == 1


@pytest.mark.usefixtures("hypermodels")
def test_folder_of_another_search_is_refused(data: PreparedData, tmp_path: Path) -> None:
    search_head(data, tmp_path, "random", 1)
    with pytest.raises(InputError, match="expected --algorithm random, .* received optuna"):
        search_head(data, tmp_path, "optuna", 1)
    options = SearchOptions("random", 1, storage="sqlite:///elsewhere.db")
    with pytest.raises(InputError, match="expected the --storage"):
        search(data, tmp_path, "combined", options, TINY, RecordingConsole())
    options = SearchOptions("random", 1)
    with pytest.raises(InputError, match="expected a run with this configuration"):
        search(data, tmp_path, "combined", options, RunConfig(), RecordingConsole())


def test_invalid_database_url_is_refused(data: PreparedData, tmp_path: Path) -> None:
    options = SearchOptions("optuna", 1, storage="nonsense://nowhere")
    with pytest.raises(InputError, match="--storage: expected a database URL"):
        search(data, tmp_path, "cnn", options, TINY, RecordingConsole())


def start_process(
    data: PreparedData, out: Path, algorithm: str, trials: int, seconds: float
) -> subprocess.Popen[str]:
    """Start a search in another process, with epochs of this many seconds."""
    arguments = [out, data.directory, algorithm, trials, seconds]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.songpop_tf.tuning.fake_hypermodels", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def completed_scores(out: Path) -> dict[str, float]:
    """The score of each completed trial, by its folder."""
    states = {
        path.parent.name: json.loads(path.read_text())
        for path in (out / "combined").glob("trial_*/trial.json")
    }
    return {
        name: state["score"] for name, state in states.items() if state["status"] == "COMPLETED"
    }


def wait_for_trials(out: Path, trials: int, process: subprocess.Popen[str]) -> None:
    """Wait until this many trials are completed, or the process has ended."""
    deadline = time.monotonic() + 120
    while len(completed_scores(out)) < trials and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count_fits(out: Path) -> Counter[str]:
    """How often each trial was fitted."""
    lines = (out / "combined" / "fits.txt").read_text().splitlines()
    return Counter(line.split()[0] for line in lines)


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_killed_search_resumes_without_losing_a_trial(
    data: PreparedData, tmp_path: Path, algorithm: str
) -> None:
    killed = start_process(data, tmp_path, algorithm, 8, seconds=0.2)
    wait_for_trials(tmp_path, 3, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = completed_scores(tmp_path)
    assert 3 <= len(before) < 8
    resumed = start_process(data, tmp_path, algorithm, 8, seconds=0.0)
    _, errors = resumed.communicate(timeout=180)
    assert resumed.returncode == 0, errors
    table = read_trials(tmp_path / "combined")
    assert len(table) == 8
    assert set(table.status) <= {"completed", "pruned"}
    after = completed_scores(tmp_path)
    assert {name: after[name] for name in before} == before
    fits = count_fits(tmp_path)
    assert len(fits) == 8
    assert {fits[name] for name in before} == {1}, "a completed trial is not run again"


def test_two_processes_share_a_search(data: PreparedData, tmp_path: Path) -> None:
    processes = [start_process(data, tmp_path, "optuna", 10, seconds=0.4) for _ in range(2)]
    outputs = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert count_fits(tmp_path) == Counter(f"trial_{number:02}" for number in range(10))
    assert len(read_trials(tmp_path / "combined")) == 10
    lines = (tmp_path / "combined" / "fits.txt").read_text().splitlines()
    assert len({line.split()[1] for line in lines}) == 2, "both have run trials"


def test_trial_of_a_killed_process_is_run_by_the_other(data: PreparedData, tmp_path: Path) -> None:
    killed = start_process(data, tmp_path, "optuna", 4, seconds=60.0)
    deadline = time.monotonic() + 120
    while not (tmp_path / "combined" / "fits.txt").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    other = start_process(data, tmp_path, "optuna", 4, seconds=0.0)
    wait_for_trials(tmp_path, 3, other)
    killed.kill()
    killed.communicate()
    _, errors = other.communicate(timeout=120)
    assert other.returncode == 0, errors
    assert list(read_trials(tmp_path / "combined").status) == ["completed"] * 4


def test_only_optuna_searches_are_shared(
    data: PreparedData, tmp_path: Path, hypermodels: list[FakeHyperModel]
) -> None:
    first = start_process(data, tmp_path, "random", 500, seconds=0.1)
    wait_for_trials(tmp_path, 1, first)
    try:
        with pytest.raises(InputError, match="only --algorithm optuna can be shared"):
            search_head(data, tmp_path, "random", 500)
    finally:
        first.kill()
        first.communicate()
    assert not hypermodels, "it does not start"
