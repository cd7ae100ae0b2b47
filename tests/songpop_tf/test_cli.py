"""The command line as a whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import invoke

COMMANDS = (
    "demo",
    "download",
    "sample",
    "spectrogram",
    "prepare",
    "train",
    "tune",
    "evaluate",
    "export",
    "predict",
    "explain",
    "app",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"songpop-tf {command} " in result.output.partition("Example")[2]
    assert "--seed" in result.output


def test_help_lists_the_commands_in_order_of_use() -> None:
    _, _, listed = invoke("--help").output.partition("Commands:")
    assert tuple(line.split()[0] for line in listed.strip().splitlines()) == COMMANDS


@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("sample",),
        ("sample", "here"),
        ("sample", "here", "--songs", "many"),
        ("prepare", "--split", "even"),
        ("train", "--data", "d", "--out", "r", "--approach", "lazy"),
        ("tune", "--data", "d", "--out", "t", "--trials", "0"),
        ("tune", "--data", "d", "--out", "t", "--algorithm", "random", "--storage", "sqlite://"),
        ("predict", "--model", "run"),
        ("predict", "--model", "run", "--artist", "A", "--csv", "songs.csv"),
        ("predict", "--model", "run", "--csv", "songs.csv"),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_installed_program_reports_an_error_in_one_line(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("songpop-tf")
    command = [program, "train", "--data", tmp_path, "--out", tmp_path / "run"]
    # As in a user's shell, where no TensorFlow log level is set.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1, "TensorFlow's start-up log is suppressed"
    assert f"{tmp_path}: expected prepared data" in process.stderr
    debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
    assert "Traceback" in debug.stderr


def test_commands_run_from_sample_to_prediction(tmp_path: Path) -> None:
    sample, data, run = (tmp_path / name for name in ("sample", "data", "run"))
    assert invoke("sample", sample, "--songs", 40, "--seconds", 1).exit_code == 0
    sources = ("--spectrograms", sample / "spectrograms", "--tracks", sample / "tracks.csv")
    prepared = invoke("prepare", *sources, "--out", data)
    assert prepared.exit_code == 0, prepared.output
    assert "songs       28 train, 6 validation, 6 test" in prepared.output
    quick = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "patience": 1}
    config = {"cnn": {"filters": [8]}, "cnn_fit": quick}
    (tmp_path / "quick.toml").write_text(tomli_w.dumps(config))
    options = ("--data", data, "--out", run, "--config", tmp_path / "quick.toml")
    branch = ("--approach", "better", "--branch", "cnn")
    trained = invoke("train", *options, *branch, "--seed", 3, "--histograms")
    assert trained.exit_code == 0, trained.output
    assert f"TensorBoard: tensorboard --logdir {run / 'tensorboard'}\n" in trained.output
    assert [path.name for path in (run / "tensorboard").iterdir()] == ["cnn"]
    assert Run.open(run).finished() == [find_configuration("cnn")]
    assert Run.open(run).config().seed == 3
    evaluated = invoke("evaluate", "--data", data, "--run", run)
    assert evaluated.exit_code == 0, evaluated.output
    assert "cnn" in evaluated.output
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert set(evaluation["models"]) == {"cnn"}
    png = next((sample / "spectrograms").rglob("*.png"))
    song = ("--artist", "Anyone", "--title", "Anything", "--year", 1999, "--spectrogram", png)
    predicted = invoke("predict", "--model", run, *song, "--json")
    prediction = json.loads(predicted.stdout)  # of a short song, the warning is on stderr
    low, high = prediction["popularity_low"], prediction["popularity_high"]
    assert 0 <= low <= prediction["popularity"] <= high <= 100
