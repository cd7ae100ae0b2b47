"""The command line through its entry point."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner, Result

from pipelines.prepared import PreparedData
from songpop_tf.cli import app
from songpop_tf.training.run import Run

COMMANDS = (
    "demo",
    "download",
    "sample",
    "prepare",
    "train",
    "evaluate",
    "tune",
    "export",
    "predict",
)


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def error_of(result: Result) -> str:
    """The one line of an error of the input."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("songpop-tf: error: ")
    assert "Traceback" not in result.output
    return lines[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"songpop-tf {command} " in result.output.partition("Example")[2]
    assert "--seed" in result.output


@pytest.mark.parametrize(
    "words",
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
def test_wrong_usage_exits_with_2(words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2


def test_the_installed_program_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("songpop-tf")
    words = [program, "train", "--data", tmp_path, "--out", tmp_path / "run"]
    # As a user's shell is, who has not asked for TensorFlow's log.
    shell = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=shell)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, "TensorFlow's log noise does not reach the terminal"
    assert f"{tmp_path}: expected prepared data" in done.stderr
    shown = subprocess.run([*words, "--debug"], capture_output=True, text=True, check=False)
    assert "Traceback" in shown.stderr


def test_from_sample_to_prediction(tmp_path: Path) -> None:
    sample, data, run = (tmp_path / name for name in ("sample", "data", "run"))
    assert invoke("sample", sample, "--songs", 40, "--seconds", 1).exit_code == 0
    tables = ("--spectrograms", sample / "spectrograms", "--tracks", sample / "tracks.csv")
    prepared = invoke("prepare", *tables, "--out", data)
    assert prepared.exit_code == 0, prepared.output
    assert "songs       28 train, 6 validation, 6 test" in prepared.output
    quick = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "patience": 1}
    config = {"cnn": {"filters": [8]}, "cnn_fit": quick}
    (tmp_path / "quick.toml").write_text(tomli_w.dumps(config))
    words = ("--data", data, "--out", run, "--config", tmp_path / "quick.toml")
    branch = ("--approach", "better", "--branch", "cnn")
    trained = invoke("train", *words, *branch, "--seed", 3, "--histograms")
    assert trained.exit_code == 0, trained.output
    assert f"Watch: tensorboard --logdir {run / 'tensorboard'}\n" in trained.output
    assert [path.name for path in (run / "tensorboard").iterdir()] == ["cnn"]
    assert Run.open(run).finished() == ["cnn"]
    assert Run.open(run).config().seed == 3
    evaluated = invoke("evaluate", "--data", data, "--run", run)
    assert evaluated.exit_code == 0, evaluated.output
    assert "cnn" in evaluated.output
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert set(evaluation["models"]) == {"cnn"}
    png = next((sample / "spectrograms").rglob("*.png"))
    song = ("--artist", "Anyone", "--title", "Anything", "--year", 1999, "--spectrogram", png)
    predicted = invoke("predict", "--model", run, *song, "--json")
    found = json.loads(predicted.output)
    low, high = found["popularity_low"], found["popularity_high"]
    assert 0 <= low <= found["popularity"] <= high <= 100


def test_predict_one_song(run: Run) -> None:
    result = invoke("predict", "--model", run.directory, "--artist", "Fleetwood Mac")
    assert result.exit_code == 0, result.output
    line = re.fullmatch(r"([0-9.]+)  \(9 in 10 songs: (\d+) to (\d+)\)\n", result.output)
    assert line, result.output
    popularity, low, high = map(float, line.groups())
    assert 0 <= low <= popularity <= high <= 100


def test_predict_with_the_model_that_comes_along() -> None:
    answer = invoke("predict", "--artist", "Fleetwood Mac", "--year", 1977, "--json")
    assert answer.exit_code == 0, answer.output
    assert 30 < json.loads(answer.output)["popularity"] < 80
    known = json.loads(invoke("predict", "--artist", "ABBA", "--year", 1976, "--json").output)
    unknown = json.loads(invoke("predict", "--artist", "ABBA", "--json").output)
    widths = [one["popularity_high"] - one["popularity_low"] for one in (known, unknown)]
    assert widths[0] + 5 < widths[1], "without a year it is less sure"
    song = ("--spectrogram", "song.png", "--artist", "Fleetwood Mac")
    assert "expected a model named combined" in error_of(invoke("predict", *song))


def test_predict_names_a_folder_that_cannot_be_looked_into() -> None:
    assert "too long" in error_of(invoke("predict", "--model", "a" * 300, "--artist", "A"))


def test_export_then_predict(run: Run, tmp_path: Path) -> None:
    song = ("--artist", "Fleetwood Mac", "--year", 1977, "--json")
    exported = invoke("export", "--run", run.directory, "--out", tmp_path / "songpop")
    assert exported.exit_code == 0, exported.output
    answer = invoke("predict", "--model", tmp_path / "songpop", *song)
    assert answer.output == invoke("predict", "--model", run.directory, *song).output
    assert "popularity_low" in json.loads(answer.output)


@pytest.mark.parametrize("year", [0, 3000, -5])
def test_predict_refuses_an_impossible_year(run: Run, year: int) -> None:
    error = error_of(invoke("predict", "--model", run.directory, "--artist", "A", "--year", year))
    assert f"received {year}" in error


@pytest.mark.parametrize("of", ["run", "exported"])
def test_predict_names_an_image_that_cannot_be_used(
    request: pytest.FixtureRequest, of: str, run: Run, sample: Path, tmp_path: Path
) -> None:
    model = run.directory if of == "run" else request.getfixturevalue(of)
    image, damaged = tmp_path / "cat.png", tmp_path / "cow.png"
    image.write_bytes(b"meow")
    whole = next((sample / "spectrograms").rglob("*.png"))
    png = whole.read_bytes()
    middle = len(png) // 2
    damaged.write_bytes(png[:middle] + bytes(100) + png[middle + 100 :])
    for path, problem in [
        (image, "expected a PNG file"),
        (damaged, "expected a PNG image that can be decoded, received damaged data"),
        (tmp_path / "dog.png", "expected a readable file, received: No such file"),
        (tmp_path, "expected a readable file, received: Is a directory"),
    ]:
        error = error_of(invoke("predict", "--model", model, "--spectrogram", path))
        assert f"{path.name}: {problem}" in error
    csv = tmp_path / "songs.csv"
    csv.write_text(f"artist,title,year,spectrogram\nA,B,1990,{damaged}\nC,D,1991,{image}\n")
    words = ("--csv", csv, "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", model, *words)
    assert "2 of 2 rows could not be predicted" in error_of(result)
    assert "line 2: " in result.stderr
    assert "damaged data" in result.stderr
    csv.write_text(csv.read_text() + f"E,F,1992,{whole}\n")
    result = invoke("predict", "--model", model, *words)
    assert "2 of 3 rows could not be predicted" in error_of(result)


def test_predict_a_csv(run: Run, data: PreparedData, sample: Path, tmp_path: Path) -> None:
    songs = data.songs_of("test").head(3)
    table = songs[["artist", "title", "year"]].astype(object)
    table["spectrogram"] = [str(sample / "spectrograms" / songs.file.iloc[0]), "", ""]
    table["year"] = [*table.year[:2], ""]
    table["note"] = ["a, b", "", "keeps its columns"]
    table.to_csv(tmp_path / "songs.csv", index=False)
    words = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", run.directory, *words)
    assert result.exit_code == 0, result.output
    assert "3 of 3 rows predicted" in result.output
    out = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert out.columns.tolist() == [
        *table.columns,
        "popularity",
        "popularity_low",
        "popularity_high",
    ]
    assert out.popularity.between(0, 100).all()
    assert out.note.tolist() == table.note.tolist()


def test_predict_a_csv_names_each_bad_row(run: Run, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(
        "artist,title,year,spectrogram\n"
        "Queen,Bohemian Rhapsody,1975,\n"
        "Queen,Radio Ga Ga,3000,\n"
        ",,,\n"
        "Queen,Innuendo,soon,\n"
        "Queen,Mustapha,1979,nowhere.png\n"
        "\n"
        "Queen,One Vision,0,\n"
        "Queen,Too Many,1979,,cells\n"
        "Queen,Too Few\n"
    )
    words = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", run.directory, *words)
    assert "7 of 8 rows could not be predicted" in error_of(result)
    for line, reason in [
        (3, "received 3000"),
        (4, "received none"),
        (5, "received 'soon'"),
        (6, "nowhere.png"),
        (8, "received '0'"),
        (9, "expected 4 cells, received 5"),
        (10, "expected 4 cells, received 2"),
    ]:
        assert any(
            f"line {line}: " in text and reason in text for text in result.stderr.split("\n")
        )
    out = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert [bool(value) for value in out.popularity] == [True] + [False] * 7


def test_predict_keeps_a_row_that_no_model_of_the_run_can_predict(
    run: Run, sample: Path, tmp_path: Path
) -> None:
    text_only = tmp_path / "run"
    shutil.copytree(run.directory, text_only)
    for history in (text_only / "history").glob("*.json"):
        if history.stem != "text":
            history.unlink()
    png = next((sample / "spectrograms").rglob("*.png"))
    (tmp_path / "songs.csv").write_text(
        f"artist,title,year,spectrogram\nQueen,Innuendo,1991,\nQueen,Mustapha,1979,{png}\n"
    )
    words = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", text_only, *words)
    assert "1 of 2 rows could not be predicted" in error_of(result)
    assert "line 3: " in result.stderr
    out = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert [bool(value) for value in out.popularity.astype(str)] == [True, False]


@pytest.mark.parametrize("columns", ["artist,title", "artist,title,year,popularity"])
def test_predict_refuses_a_csv_of_other_columns(run: Run, tmp_path: Path, columns: str) -> None:
    (tmp_path / "songs.csv").write_text(f"{columns}\n")
    words = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    error = error_of(invoke("predict", "--model", run.directory, *words))
    assert f"received {columns.replace(',', ', ')}" in error
    assert not (tmp_path / "out.csv").exists()


def test_errors_of_the_input_are_one_line(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_text("name,popularity\nDreams,80\n")
    (tmp_path / "empty").mkdir()
    images = ("--spectrograms", sample / "spectrograms")
    out = ("--out", tmp_path / "data")
    missing = error_of(invoke("prepare", *images, "--tracks", tmp_path / "tracks.csv", *out))
    assert "missing: artists, release_date" in missing
    nowhere = error_of(invoke("prepare", *images, "--tracks", tmp_path / "no.csv", *out))
    assert "no.csv" in nowhere
    tracks = ("--tracks", sample / "tracks.csv")
    empty = error_of(invoke("prepare", "--spectrograms", tmp_path / "empty", *tracks, *out))
    assert "found no PNG" in empty


def test_evaluate_needs_the_data_of_the_run(run: Run, tmp_path: Path) -> None:
    error = error_of(invoke("evaluate", "--data", tmp_path, "--run", run.directory))
    assert "expected prepared data" in error


def test_download_says_how_to_do_it_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kagglehub
    import requests

    def no_network(*_: object, **__: object) -> str:
        raise requests.ConnectionError("Failed to resolve host")

    monkeypatch.setattr(kagglehub, "dataset_download", no_network)
    error = error_of(invoke("download", "--out", tmp_path))
    assert "Failed to resolve host" in error
    assert "by hand" in error
    assert str(tmp_path) in error


def test_part_of_a_download_is_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kagglehub

    def not_empty(*_: object, **__: object) -> str:
        raise FileExistsError("Set force_download=True")

    monkeypatch.setattr(kagglehub, "dataset_download", not_empty)
    error = error_of(invoke("download", "--out", tmp_path))
    assert f"{tmp_path / 'spectrograms'}: expected an empty folder" in error
    assert "else remove them" in error
