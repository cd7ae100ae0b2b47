"""Searches of the branches: what they write, how they go on, and what a broken trial does."""

import json
import shutil
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
from pipelines.prepared import PreparedData
from songpop_tf.config import RunConfig, load_config
from songpop_tf.training.run import Run
from songpop_tf.training.stages import Trainer
from songpop_tf.tuning.oracles import ALGORITHMS
from songpop_tf.tuning.search import Plan, search
from tests.conftest import TINY, SilentConsole
from tests.songpop_tf.tuning.fake import FakeHyperModel, replace_by_fakes


class Lines(SilentConsole):
    """A console that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeHyperModel]:
    """Trials that train nothing; the hypermodels that searches made."""
    return replace_by_fakes(monkeypatch)


def heads(data: PreparedData, out: Path, algorithm: str, trials: int) -> list[str]:
    """Search the head; what was said."""
    console = Lines()
    search(data, out, "combined", Plan(algorithm, trials), TINY, console)
    return console.lines


def begun(lines: list[str]) -> list[str]:
    """The trials that were told to begin."""
    told = "\n".join(lines).splitlines()
    return [
        line.split(":")[0]
        for line in told
        if line.startswith("trial ") and "MSE" not in line and "failed:" not in line
    ]


def trials_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "trials.csv", keep_default_na=False).set_index("trial")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_begins_with_the_defaults_and_keeps_the_best(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel], algorithm: str
) -> None:
    lines = heads(data, tmp_path, algorithm, 6)
    table = trials_of(tmp_path / "combined")
    assert len(table) == len(fakes[0].fits) == 6
    assert table["fusion.dropout"][0] == fakes[0].fits[0] == TINY.fusion.dropout
    assert table["head_fit.learning_rate"][0] == TINY.head_fit.learning_rate
    assert table["fusion.dropout"].nunique() > 3
    best = load_config(tmp_path / "best.toml")
    completed = table[table.status == "completed"]
    row = completed.loc[completed.validation_mse.astype(float).idxmin()]
    assert best.fusion.dropout == row["fusion.dropout"] == pytest.approx(min(fakes[0].fits))
    assert best.head_fit.epochs == row["epochs" if algorithm == "hyperband" else "head_fit.epochs"]
    assert best.metadata == TINY.metadata, "only the head is searched"
    for figure in ("optimisation_history", "parameter_importance"):
        assert (tmp_path / "combined" / "figures" / f"{figure}.png").stat().st_size > 5_000
    assert any(line.startswith("\ntrial 0") and "the defaults" in line for line in lines)
    shown = next(line for line in lines if "validation MSE" in line and "(defaults)" in line)
    assert "fusion.dropout" in shown


def test_hopeless_trials_end_early(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel]
) -> None:
    lines = heads(data, tmp_path, "optuna", 12)
    table = trials_of(tmp_path / "combined")
    ended = table[table.status == "ended early"].validation_mse.astype(float)
    assert len(ended) > 0
    assert ended.min() > table.validation_mse.astype(float).median() - 1e-6
    assert any("ended early as hopeless" in line for line in lines)
    assert len(fakes[0].fits) == 12


def test_a_search_goes_on_for_more_trials(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel]
) -> None:
    heads(data, tmp_path, "optuna", 9)
    first = trials_of(tmp_path / "combined")
    assert len(begun(heads(data, tmp_path, "optuna", 11))) == 2
    then = trials_of(tmp_path / "combined")
    assert list(then.index) == sorted(then.index), "in the order of their numbers"
    assert len(then) == 11
    pd.testing.assert_frame_equal(then.loc[first.index], first)
    assert [len(fake.fits) for fake in fakes] == [9, 2]


def test_all_branches_are_searched_and_the_head_on_the_best_of_them(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel]
) -> None:
    best = search(data, tmp_path, "all", Plan("random", 3), TINY, Lines())
    assert load_config(tmp_path / "best.toml") == best
    text, cnn, head = fakes
    assert [fake.branch for fake in fakes] == ["text", "cnn", "combined"]
    assert best.metadata.dropout == min(text.fits)
    assert best.cnn.dropout == min(cnn.fits)
    assert best.fusion.dropout == min(head.fits)
    assert (text.subject.base, cnn.subject.base) == (TINY, TINY)
    assert head.subject.base.metadata == best.metadata
    assert head.subject.base.cnn == best.cnn
    assert search(data, tmp_path, "all", Plan("random", 3), TINY, Lines()) == best, (
        "nothing was left"
    )


def test_more_trials_of_all_branches_begin_the_head_anew_on_better_ones(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel]
) -> None:
    search(data, tmp_path, "all", Plan("random", 1), TINY, Lines())
    console = Lines()
    best = search(data, tmp_path, "all", Plan("random", 6), TINY, console)
    text, head = (fakes[place] for place in (3, 5))
    assert best.metadata.dropout == min(text.fits) < TINY.metadata.dropout
    assert head.subject.base.metadata == best.metadata
    assert len(head.fits) == 6
    assert len(trials_of(tmp_path / "combined.1")) == 1, "the earlier search is kept"
    assert any("combined.1" in line for line in console.lines)


@pytest.mark.usefixtures("fakes")
def test_the_search_of_another_process_is_not_set_aside(data: PreparedData, tmp_path: Path) -> None:
    search(data, tmp_path, "all", Plan("random", 1), TINY, Lines())
    with (
        FileLock(tmp_path / "combined" / "worker-2.lock"),
        pytest.raises(InputError, match="another process that searches on others"),
    ):
        search(data, tmp_path, "all", Plan("random", 6), TINY, Lines())
    assert len(trials_of(tmp_path / "combined")) == 1


@pytest.mark.usefixtures("fakes")
def test_a_folder_holds_one_search(data: PreparedData, tmp_path: Path) -> None:
    heads(data, tmp_path, "random", 1)
    with pytest.raises(InputError, match="expected --algorithm random, .* received optuna"):
        heads(data, tmp_path, "optuna", 1)
    elsewhere = Plan("random", 1, storage="sqlite:///elsewhere.db")
    with pytest.raises(InputError, match="expected the --storage"):
        search(data, tmp_path, "combined", elsewhere, TINY, Lines())
    with pytest.raises(InputError, match="expected a run of this configuration"):
        search(data, tmp_path, "combined", Plan("random", 1), RunConfig(), Lines())


def broken(
    monkeypatch: pytest.MonkeyPatch, fakes: list[FakeHyperModel], errors: dict[int, Exception]
) -> None:
    """Have the fits of these numbers raise, once each."""
    init = FakeHyperModel.__init__

    def with_errors(self: FakeHyperModel, *args: object) -> None:
        init(self, *args)
        self.broken = errors if not fakes else {}

    monkeypatch.setattr(FakeHyperModel, "__init__", with_errors)


class Once(dict):
    """Errors that are raised once each."""

    def get(self, key: int) -> Exception | None:
        return self.pop(key, None)


@pytest.mark.parametrize("error", [FloatingPointError("the loss became nan"), MemoryError("full")])
@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_a_broken_trial_is_recorded_and_the_search_goes_on(
    data: PreparedData,
    tmp_path: Path,
    fakes: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    algorithm: str,
) -> None:
    broken(monkeypatch, fakes, Once({1: error}))
    heads(data, tmp_path, algorithm, 3)
    table = trials_of(tmp_path / "combined")
    assert list(table.status) == ["completed", "failed", "completed"]
    assert table.reason[1] == f"{type(error).__name__}: {error}"


def test_a_search_in_which_all_trials_break_says_why(
    data: PreparedData,
    tmp_path: Path,
    fakes: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch, fakes, {0: FloatingPointError("the loss became nan")})
    with pytest.raises(InputError, match="all failed: FloatingPointError: the loss became nan"):
        heads(data, tmp_path, "optuna", 5)
    table = trials_of(tmp_path / "combined")
    assert list(table.status) == ["failed"] * 5
    assert set(table.reason) == {"FloatingPointError: the loss became nan"}


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_a_bug_ends_the_search_and_its_trial_runs_again(
    data: PreparedData,
    tmp_path: Path,
    fakes: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
) -> None:
    broken(monkeypatch, fakes, {1: ValueError("a typo")})
    with pytest.raises(ValueError, match="a typo"):
        heads(data, tmp_path, algorithm, 3)
    assert len(begun(heads(data, tmp_path, algorithm, 3))) == 2
    assert list(trials_of(tmp_path / "combined").status) == ["completed"] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a typo")])
def test_only_kills_count_against_a_trial(
    data: PreparedData,
    tmp_path: Path,
    fakes: list[FakeHyperModel],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    for _ in range(4):
        fakes.clear()
        broken(monkeypatch, fakes, {0: error})
        with pytest.raises(type(error)):
            heads(data, tmp_path, "optuna", 1)
    assert not (tmp_path / "combined" / "trial_0" / "started").exists()


def test_a_database_that_cannot_be_opened_is_named(data: PreparedData, tmp_path: Path) -> None:
    plan = Plan("optuna", 1, storage="nonsense://nowhere")
    with pytest.raises(InputError, match="--storage: expected a database URL"):
        search(data, tmp_path, "cnn", plan, TINY, Lines())


@pytest.mark.usefixtures("fakes")
def test_a_trial_that_dies_again_and_again_is_given_up(data: PreparedData, tmp_path: Path) -> None:
    folder = tmp_path / "combined" / "trial_0"
    folder.mkdir(parents=True)
    (folder / "started").write_bytes(b"...")
    heads(data, tmp_path, "optuna", 2)
    table = trials_of(tmp_path / "combined")
    assert list(table.status) == ["failed", "completed"]
    assert "killed 3 times" in table.reason[0]


@pytest.mark.parametrize("branch", ["cnn", "combined"])
def test_training_with_the_best_settings_gives_what_the_search_saw(
    data: PreparedData, run: Run, tmp_path: Path, branch: str
) -> None:
    tuned, again = tmp_path / "tuned", tmp_path / "again"
    if branch == "combined":  # on branches that were trained before
        shutil.copytree(run.directory, tuned / branch / "run")
    best = search(data, tuned, branch, Plan("random", 2), TINY, SilentConsole())
    seen = trials_of(tuned / branch).validation_mse.astype(float).min()
    assert load_config(tuned / "best.toml") == best
    assert not list((tuned / branch).glob("trial_*/state")), "what a trial took is freed"
    trained = Run.start(again, data, best)
    for folder in ("models", "readers") if branch == "combined" else ():
        shutil.copytree(run.directory / folder, again / folder)
    trainer = Trainer(data, trained, best, SilentConsole())
    _, histories = trainer.fit(branch, trainer.build(branch))
    assert min(one["val_loss"] for one in histories[-1]) == pytest.approx(seen, rel=1e-4)


def test_the_text_branch_is_judged_on_the_songs(data: PreparedData, tmp_path: Path) -> None:
    console = Lines()
    search(data, tmp_path, "text", Plan("optuna", 1), TINY, console)
    seen = trials_of(tmp_path / "text").validation_mse.astype(float)[0]
    told = [line for line in console.lines if line.startswith("text/songs")]
    assert any(f"{seen:.1f}" in line for line in told)
    board = next((tmp_path / "text" / "tensorboard").glob("*/"))
    stages = {path.name for path in board.iterdir() if path.is_dir()}
    assert stages == {"artists", "text", "text_songs"}, "what TensorBoard shows of the text branch"


def started(
    data: PreparedData, out: Path, algorithm: str, trials: int, seconds: float
) -> subprocess.Popen[str]:
    """A search in a process of its own, each epoch as long as told."""
    words = [out, data.directory, algorithm, trials, seconds]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.songpop_tf.tuning.fake", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def finished_trials(out: Path) -> dict[str, float]:
    """The score of each completed trial, by its folder."""
    states = {
        path.parent.name: json.loads(path.read_text())
        for path in (out / "combined").glob("trial_*/trial.json")
    }
    return {name: one["score"] for name, one in states.items() if one["status"] == "COMPLETED"}


def wait_for(out: Path, trials: int, process: subprocess.Popen[str]) -> None:
    patience = time.monotonic() + 120
    while len(finished_trials(out)) < trials and process.poll() is None:
        assert time.monotonic() < patience
        time.sleep(0.02)


def fits_of(out: Path) -> Counter[str]:
    """How often each trial was fitted."""
    lines = (out / "combined" / "fits.txt").read_text().splitlines()
    return Counter(line.split()[0] for line in lines)


@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_a_killed_search_goes_on_without_losing_a_trial(
    data: PreparedData, tmp_path: Path, algorithm: str
) -> None:
    killed = started(data, tmp_path, algorithm, 8, seconds=0.2)
    wait_for(tmp_path, 3, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = finished_trials(tmp_path)
    assert 3 <= len(before) < 8
    again = started(data, tmp_path, algorithm, 8, seconds=0.0)
    _, errors = again.communicate(timeout=180)
    assert again.returncode == 0, errors
    table = trials_of(tmp_path / "combined")
    assert len(table) == 8
    assert set(table.status) <= {"completed", "ended early"}
    after = finished_trials(tmp_path)
    assert {name: after[name] for name in before} == before
    times = fits_of(tmp_path)
    assert len(times) == 8
    assert {times[name] for name in before} == {1}, "a finished trial is not done again"


def test_two_processes_share_a_search(data: PreparedData, tmp_path: Path) -> None:
    both = [started(data, tmp_path, "optuna", 10, seconds=0.4) for _ in range(2)]
    outputs = [one.communicate(timeout=240) for one in both]
    assert [one.returncode for one in both] == [0, 0], outputs
    assert fits_of(tmp_path) == Counter(f"trial_{number:02}" for number in range(10))
    assert len(trials_of(tmp_path / "combined")) == 10
    lines = (tmp_path / "combined" / "fits.txt").read_text().splitlines()
    assert len({line.split()[1] for line in lines}) == 2, "both have worked"


def test_what_a_killed_process_left_is_done_by_the_other(
    data: PreparedData, tmp_path: Path
) -> None:
    killed = started(data, tmp_path, "optuna", 4, seconds=60.0)
    patience = time.monotonic() + 120
    while not (tmp_path / "combined" / "fits.txt").is_file() and time.monotonic() < patience:
        time.sleep(0.05)
    other = started(data, tmp_path, "optuna", 4, seconds=0.0)
    wait_for(tmp_path, 3, other)
    killed.kill()
    killed.communicate()
    _, errors = other.communicate(timeout=120)
    assert other.returncode == 0, errors
    assert list(trials_of(tmp_path / "combined").status) == ["completed"] * 4


def test_only_optuna_searches_are_shared(
    data: PreparedData, tmp_path: Path, fakes: list[FakeHyperModel]
) -> None:
    first = started(data, tmp_path, "random", 500, seconds=0.1)
    wait_for(tmp_path, 1, first)
    try:
        with pytest.raises(InputError, match="only --algorithm optuna can be shared"):
            heads(data, tmp_path, "random", 500)
    finally:
        first.kill()
        first.communicate()
    assert not fakes, "nothing was begun"
