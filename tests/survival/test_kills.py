"""Commands killed by SIGKILL at random moments and started again end as if never stopped.

``pytest -m long -s tests/survival`` runs all of them and prints how often each was killed.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.songpop_tf.training.two_devices import divide_cpu
from tests.survival.conftest import prepare_command, train_command
from tests.survival.outputs import assert_same_run, assert_same_variables, files, trials
from tests.survival.processes import Setup, run, run_with_kills

Arguments = Callable[[Path], list[object]]


def kill_and_compare(
    arguments: Arguments,
    folder: Path,
    kills: int,
    compare: Callable[[Path, Path], None],
    *,
    seed: int = 0,
    share: float = 1.0,
    setup: Setup | None = None,
) -> None:
    """Run a command once without and once with kills, and compare what it wrote.

    Args:
        arguments: of the command, for its output.
        folder: for both outputs.
        kills: at most.
        compare: asserts that the output of the killed command equals the other.
        seed: of the moments.
        share: part of the command's time within which it is killed after each start.
        setup: what each process does before the command.
    """
    unstopped, killed = folder / "unstopped" / "out", folder / "killed" / "out"
    for out in (unstopped, killed):
        out.parent.mkdir(parents=True)
    seconds = run(arguments(unstopped), folder / "unstopped.log", setup)
    random = np.random.default_rng(seed)
    log = folder / "killed.log"
    count = run_with_kills(arguments(killed), log, share * seconds, kills, random, setup)
    print(f"{arguments(killed)[0]}: killed {count} times, {seconds:.0f} s without")
    compare(killed, unstopped)


def assert_same_files(killed: Path, unstopped: Path) -> None:
    """Both folders, or files, have the same bytes."""
    if unstopped.is_file():
        assert killed.read_bytes() == unstopped.read_bytes()
    assert files(killed) == files(unstopped)


def test_killed_preparation(songs: Path, tmp_path: Path) -> None:
    kill_and_compare(lambda out: prepare_command(songs, out), tmp_path, 2, assert_same_files)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_preparation_killed_often(songs: Path, tmp_path: Path, seed: int) -> None:
    kill_and_compare(
        lambda out: prepare_command(songs, out), tmp_path, 3, assert_same_files, seed=seed
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_killed_conversion_of_sounds(songs: Path, tmp_path: Path, seed: int) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    source = next((songs / "audio").rglob("*.*"))
    for number in range(20):
        shutil.copy(source, sounds / f"Artist {number} - Song{source.suffix}")
    kill_and_compare(
        lambda out: ["spectrogram", sounds, "--year", 1999, "--out", out],
        tmp_path,
        3,
        assert_same_files,
        seed=seed,
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_killed_prediction_of_a_table(tmp_path: Path, seed: int) -> None:
    table = tmp_path / "songs.csv"
    rows = (f"Artist {number},Song {number},{1960 + number % 60}\n" for number in range(3000))
    table.write_text("artist,title,year\n" + "".join(rows))
    kill_and_compare(
        lambda out: ["predict", "--csv", table, "--out", out],
        tmp_path,
        4,
        assert_same_files,
        seed=seed,
    )


@pytest.mark.long
def test_killed_prediction_of_sounds(songs: Path, tmp_path: Path) -> None:
    source = next((songs / "audio").rglob("*.*"))
    table = tmp_path / "songs.csv"
    rows = (f"Artist {number},Song {number},1999,{source}\n" for number in range(80))
    table.write_text("artist,title,year,audio\n" + "".join(rows))
    kill_and_compare(
        lambda out: ["predict", "--csv", table, "--out", out], tmp_path, 4, assert_same_files
    )


@pytest.mark.long
def test_killed_training_of_all_stages(few: Path, config: Path, tmp_path: Path) -> None:
    kill_and_compare(
        lambda out: train_command(few, out, config), tmp_path, 12, assert_same_run, share=0.5
    )


@pytest.mark.long
def test_killed_training_on_two_devices(few: Path, config: Path, tmp_path: Path) -> None:
    kill_and_compare(
        lambda out: [*train_command(few, out, config), "--devices", "all"],
        tmp_path,
        4,
        assert_same_run,
        share=0.5,
        setup=divide_cpu,
    )


@pytest.mark.long
@pytest.mark.parametrize("storage", ["folder", "database"])
@pytest.mark.parametrize("algorithm", ["random", "optuna"])
def test_killed_search(
    few: Path, config: Path, tmp_path: Path, algorithm: str, storage: str
) -> None:
    if (algorithm, storage) == ("random", "database"):
        pytest.skip("a database is Optuna's")

    def arguments(out: Path) -> list[object]:
        options = ("--branch", "text", "--algorithm", algorithm, "--trials", 4)
        url = f"sqlite:///{out.parent / 'study.db'}"
        database = ("--storage", url) if storage == "database" else ()
        return ["tune", "--data", few, "--out", out, "--config", config, *options, *database]

    def compare(killed: Path, unstopped: Path) -> None:
        assert len(trials(killed)) == len(trials(unstopped)) == 4
        assert (killed / "best.toml").is_file()

    kill_and_compare(arguments, tmp_path, 4, compare, share=0.7)


@pytest.mark.long
def test_killed_evaluation(few: Path, few_run: Path, tmp_path: Path) -> None:
    def arguments(out: Path) -> list[object]:
        if not out.exists():
            shutil.copytree(few_run, out)
        return ["evaluate", "--data", few, "--run", out]

    def compare(killed: Path, unstopped: Path) -> None:
        for suffix in (".json", ".md", ".csv"):
            assert files(killed, suffix) == files(unstopped, suffix)
        assert set(files(killed)) == set(files(unstopped))

    kill_and_compare(arguments, tmp_path, 4, compare, share=0.5)


@pytest.mark.long
def test_killed_export(few_run: Path, tmp_path: Path) -> None:
    def compare(killed: Path, unstopped: Path) -> None:
        newest = max(killed.iterdir(), key=lambda path: int(path.name))
        assert set(files(newest)) == set(files(unstopped / "1"))
        for folder in killed.iterdir():
            assert_same_variables(folder, unstopped / "1")

    kill_and_compare(lambda out: ["export", "--run", few_run, "--out", out], tmp_path, 3, compare)
