"""The command ``predict``."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.prepared_data import PreparedData
from songpop_tf.training.run import Run
from tests.pipelines.audio.signals import chirp
from tests.songpop_tf.cli.runner import error_line, invoke
from tests.songpop_tf.serving.fake_server import ServedModel, rest_server


def test_song_prints_popularity_and_interval(run: Run) -> None:
    result = invoke("predict", "--model", run.directory, "--artist", "Fleetwood Mac")
    assert result.exit_code == 0, result.output
    line = re.fullmatch(r"([0-9.]+)  \(90 % interval: (\d+) to (\d+)(; .*)?\)\n", result.output)
    assert line, result.output
    popularity, low, high = map(float, line.groups()[:3])
    assert 0 <= low <= popularity <= high <= 100


def test_pretrained_model_predicts_without_a_run() -> None:
    result = invoke("predict", "--artist", "ABBA", "--year", 1976, "--json")
    assert result.exit_code == 0, result.output
    assert 30 < json.loads(result.output)["popularity"] < 80


def test_unknown_years_widen_the_intervals_of_the_pretrained_model(tmp_path: Path) -> None:
    artists, titles = ["Fleetwood Mac", "Madonna", "Drake"], ["Dreams", "Vogue", "Hotline Bling"]
    songs = pd.DataFrame({"artist": artists, "title": titles})
    widths = []
    for number, years in enumerate(([1977, 1990, 2015], [None] * 3)):
        table, out = (tmp_path / f"{name}{number}.csv" for name in ("songs", "predictions"))
        songs.assign(year=years).to_csv(table, index=False)
        assert invoke("predict", "--csv", table, "--out", out).exit_code == 0
        predicted = pd.read_csv(out)
        widths.append((predicted.popularity_high - predicted.popularity_low).mean())
    assert widths[0] + 5 < widths[1]


def test_nothing_is_written_to_standard_error() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-m", "songpop_tf", "predict", "--artist", "ABBA", "--year", "1976"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", "TensorFlow's start-up log is hidden"
    assert "90 % interval" in done.stdout


def test_names_are_utf_8_in_a_locale_without_an_encoding() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"}
    words = ["predict", "--artist", "Björk", "--title", "Jóga", "--year", "1997"]
    done = subprocess.run(
        [sys.executable, "-m", "songpop_tf", *words],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == invoke(*words).stdout


def test_unreadable_model_folder_is_reported() -> None:
    assert "too long" in error_line(invoke("predict", "--model", "a" * 300, "--artist", "A"))


@pytest.mark.parametrize("year", [0, 3000, -5])
def test_impossible_year_is_refused(run: Run, year: int) -> None:
    error = error_line(invoke("predict", "--model", run.directory, "--artist", "A", "--year", year))
    assert f"received {year}" in error


@pytest.mark.usefixtures("models_opened_once")
@pytest.mark.parametrize("model", ["run", "exported"])
def test_unusable_image_is_reported(
    request: pytest.FixtureRequest, model: str, run: Run, sample: Path, tmp_path: Path
) -> None:
    directory = run.directory if model == "run" else request.getfixturevalue(model)
    no_image, damaged = tmp_path / "cat.png", tmp_path / "cow.png"
    no_image.write_bytes(b"meow")
    valid = next((sample / "spectrograms").rglob("*.png"))
    png = valid.read_bytes()
    middle = len(png) // 2
    damaged.write_bytes(png[:middle] + bytes(100) + png[middle + 100 :])
    for path, problem in [
        (no_image, "expected a PNG file"),
        (damaged, "expected a PNG image that can be decoded, received damaged data"),
        (tmp_path / "dog.png", "expected a readable file, received: No such file"),
        (tmp_path, "expected a readable file, received: Is a directory"),
    ]:
        error = error_line(invoke("predict", "--model", directory, "--spectrogram", path))
        assert f"{path.name}: {problem}" in error
    csv = tmp_path / "songs.csv"
    csv.write_text(f"artist,title,year,spectrogram\nA,B,1990,{damaged}\nC,D,1991,{no_image}\n")
    files = ("--csv", csv, "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", directory, *files)
    assert "2 of 2 rows could not be predicted" in error_line(result)
    assert "line 2: " in result.stderr
    assert "damaged data" in result.stderr
    csv.write_text(csv.read_text() + f"E,F,1992,{valid}\n")
    result = invoke("predict", "--model", directory, *files)
    assert "2 of 3 rows could not be predicted" in error_line(result)


@pytest.mark.usefixtures("models_opened_once")
def test_csv_keeps_its_columns_and_rows(
    run: Run, data: PreparedData, sample: Path, tmp_path: Path
) -> None:
    songs = data.songs_of("test").head(3)
    table = songs[["artist", "title", "year"]].astype(object)
    table["spectrogram"] = [str(sample / "spectrograms" / songs.file.iloc[0]), "", ""]
    table["year"] = [*table.year[:2], ""]
    table["note"] = ["a, b", "", "keeps its columns"]
    table.to_csv(tmp_path / "songs.csv", index=False)
    files = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", run.directory, *files)
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


@pytest.mark.usefixtures("models_opened_once")
def test_csv_reports_each_invalid_row(run: Run, tmp_path: Path) -> None:
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
    files = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", run.directory, *files)
    assert "7 of 8 rows could not be predicted" in error_line(result)
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


def test_csv_keeps_a_row_that_no_branch_of_the_run_predicts(
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
    files = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", text_only, *files)
    assert "1 of 2 rows could not be predicted" in error_line(result)
    assert "line 3: " in result.stderr
    out = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert [bool(value) for value in out.popularity.astype(str)] == [True, False]


@pytest.mark.parametrize("columns", ["artist,title", "artist,title,year,popularity"])
def test_csv_with_other_columns_is_refused(run: Run, tmp_path: Path, columns: str) -> None:
    (tmp_path / "songs.csv").write_text(f"{columns}\n")
    files = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    error = error_line(invoke("predict", "--model", run.directory, *files))
    assert f"received {columns.replace(',', ', ')}" in error
    assert not (tmp_path / "out.csv").exists()


@pytest.fixture
def rest_url(served_model: ServedModel) -> Iterator[str]:
    with rest_server(served_model) as url:
        yield url


@pytest.mark.parametrize("use_server", [True, False])
def test_songs_without_spectrogram_need_no_tensorflow_import(
    request: pytest.FixtureRequest, use_server: bool
) -> None:
    model = ["--url", request.getfixturevalue("rest_url")] if use_server else []
    arguments = ["predict", *model, "--artist", "Queen", "--json"]
    code = (
        "import sys; from songpop_tf.cli import app\n"
        f"try: app({arguments})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")
    }
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert 0 <= json.loads(process.stdout)["popularity"] <= 100
    assert not process.stderr


def write_song(path: Path) -> Path:
    soundfile.write(path, chirp(100, 4000, 1.0), SAMPLE_RATE)
    return path


@pytest.mark.usefixtures("models_opened_once")
def test_sound_files_are_predicted_with_their_names(run: Run, tmp_path: Path) -> None:
    files = [write_song(tmp_path / f"Fleetwood Mac - Dreams {number}.wav") for number in range(2)]
    result = invoke("predict", "--model", run.directory, *files)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(")  ")[1] for line in lines] == [
        "Fleetwood Mac - Dreams 0",
        "Fleetwood Mac - Dreams 1",
    ]
    options = ("--audio", files[0], "--year", 1977, "--title", "Other", "--json")
    predicted = json.loads(invoke("predict", "--model", run.directory, *options).output)
    assert (predicted["artist"], predicted["title"], predicted["year"]) == (
        "Fleetwood Mac",
        "Other",
        1977,
    )


@pytest.mark.usefixtures("models_opened_once")
def test_bad_sound_file_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "A - B.wav").write_text("no sound")
    good = write_song(tmp_path / "Fleetwood Mac - Dreams.wav")
    result = invoke("predict", "--model", run.directory, tmp_path / "A - B.wav", good)
    assert result.exit_code == 1
    assert result.stdout.rstrip().endswith("Fleetwood Mac - Dreams")
    assert "A - B.wav: expected a sound file" in result.stderr
    assert "1 of 2 sound files could not be predicted" in result.stderr


@pytest.fixture(scope="module")
def metadata_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run without its models that read spectrograms."""
    directory = tmp_path_factory.mktemp("metadata") / "run"
    shutil.copytree(run.directory, directory)
    for history in (directory / "history").iterdir():
        if not history.name.startswith("text"):
            history.unlink()
    return directory


def test_model_without_audio_branch_refuses_spectrograms(metadata_run: Path) -> None:
    song = ("--spectrogram", "song.png", "--artist", "Fleetwood Mac")
    result = invoke("predict", "--model", metadata_run, *song)
    assert "expected a model named combined" in error_line(result)


def test_model_without_audio_branch_refuses_other_files(metadata_run: Path, tmp_path: Path) -> None:
    (tmp_path / "A - B.txt").write_text("no sound")
    result = invoke("predict", "--model", metadata_run, tmp_path / "A - B.txt")
    assert result.exit_code == 1
    assert "A - B.txt: expected a sound file" in result.stderr


def test_model_without_audio_branch_predicts_a_sound_file_by_its_tags(
    metadata_run: Path, tmp_path: Path
) -> None:
    file = write_song(tmp_path / "Fleetwood Mac - Dreams.wav")
    model = ("--model", metadata_run)
    result = invoke("predict", *model, file, "--json")
    assert result.exit_code == 0, result.output
    assert "this model reads no audio" in result.stderr
    expected = invoke("predict", *model, "--artist", "Fleetwood Mac", "--title", "Dreams", "--json")
    assert json.loads(result.stdout) == json.loads(expected.stdout)


@pytest.mark.usefixtures("models_opened_once")
def test_csv_may_name_sound_files(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "a.wav")
    table = "artist,title,year,audio\nA,B,1999,a.wav\nA,B,1999,\nA,B,1999,missing.wav\n"
    (tmp_path / "songs.csv").write_text(table)
    files = ("--csv", tmp_path / "songs.csv", "--out", tmp_path / "out.csv")
    result = invoke("predict", "--model", run.directory, *files)
    assert result.exit_code == 1
    assert "missing.wav: expected a readable file" in result.stderr
    popularity = pd.read_csv(tmp_path / "out.csv").popularity
    assert popularity.notna().tolist() == [True, True, False]


def test_options_for_one_song_do_not_go_with_several_files(tmp_path: Path) -> None:
    for options in (("b.mp3", "--year", 1999), ("--spectrogram", "a.png")):
        result = invoke("predict", tmp_path / "a.mp3", *options)
        assert result.exit_code == 2
        assert "for a single sound file" in " ".join(result.stderr.split())
