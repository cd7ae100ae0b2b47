"""Predicting CSV files: order, failed rows, and resuming."""

import os
import threading
from pathlib import Path

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.locks import locked_file
from pipelines.prepared_data import PreparedData
from songpop_tf.serving.backend import Inputs, Row, Rows
from songpop_tf.serving.predict_csv import open_songs, predict_csv
from songpop_tf.serving.predictor import Predictor
from tests.songpop_tf.cli.runner import invoke
from tests.songpop_tf.serving.fake_server import ServedModel


class ConstantBackend:
    """Predicts the same popularity for every song and fails after a number of songs."""

    name = "run"
    branches = ["text"]  # noqa: RUF012
    validate_images = True

    def __init__(self, popularity: float, identity: str, max_songs: int) -> None:
        self.identity = identity
        self._popularity = popularity
        self._songs_left = max_songs

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:  # noqa: ARG002
        count = len(inputs["year"])
        self._songs_left -= count
        if self._songs_left < 0:
            raise InputError("stopped")
        return [Row(self._popularity, 0.0, 100.0, usable=True)] * count


def test_resumes_with_the_same_model_only(tmp_path: Path) -> None:
    source, target = tmp_path / "songs.csv", tmp_path / "out.csv"
    source.write_text("artist,title,year\n" + "Queen,Innuendo,1991\n" * 300)

    def predict(popularity: float, identity: str, max_songs: int = 1000) -> int:
        predictor = Predictor(ConstantBackend(popularity, identity, max_songs))
        return predict_csv(predictor, open_songs(source), target, lambda _: None, lambda _: None)

    with pytest.raises(InputError, match="stopped"):
        predict(10.0, "old", max_songs=280)
    assert predict(20.0, "new") == 0
    assert set(pd.read_csv(target).popularity) == {20.0}
    target.unlink()
    with pytest.raises(InputError, match="stopped"):
        predict(10.0, "old", max_songs=280)
    predict(20.0, "old")
    assert set(pd.read_csv(target).popularity) == {10.0, 20.0}, "the same model resumes"


class RecordingBackend(ConstantBackend):
    """Remembers the metadata that it was asked for."""

    def __init__(self) -> None:
        super().__init__(50.0, "model", 1000)
        self.songs: list[tuple[str, str, int]] = []

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        columns = (inputs[name] for name in ("artist", "title", "year"))
        self.songs += zip(*columns, strict=True)
        return super().predict_batch(signature, inputs)


def test_table_of_another_tool_is_predicted_from_a_pipe(tmp_path: Path) -> None:
    pipe, target = tmp_path / "pipe", tmp_path / "out.csv"
    os.mkfifo(pipe)
    text = (
        "Track Name; artists; release_date;;\n"
        "Duet; ['Ana' 'Bo']; 1977-01-01 00:00:00;;\n"
        "None; Queen; 1991.0\n"
        "nan; Queen; nan;;\n"
        "None; None; 1999;;\n"
        ";;;;\n"
    )
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    table = open_songs(pipe)
    writer.join()
    assert len(table.notes) == 2, "separator and names of columns"
    backend, errors = RecordingBackend(), []
    assert predict_csv(Predictor(backend), table, target, lambda _: None, errors.append) == 0
    assert backend.songs == [
        ("Ana, Bo", "Duet", 1977),
        ("Queen", "None", 1991),
        ("Queen", "", 0),
        ("", "", 1999),
    ]
    assert target.read_text().splitlines()[:2] == [
        "Track Name,artists,release_date,,,popularity,popularity_low,popularity_high",
        "Duet,['Ana' 'Bo'],1977-01-01 00:00:00,,,50.00,0.00,100.00",
    ]


def test_resumes_after_an_outage_of_the_server(
    rest_url: str, served_model: ServedModel, tmp_path: Path
) -> None:
    source, target = tmp_path / "songs.csv", tmp_path / "out.csv"
    lines = [
        f"Queen,Song {number},{1970 + number % 20 if number % 9 else 'soon'}"
        for number in range(600)
    ]
    source.write_text("\n".join(["artist,title,year", *lines]))
    arguments = ("predict", "--url", rest_url, "--csv", source, "--out", target)
    served_model.faults = [None] * 12 + [500]
    interrupted = invoke(*arguments)
    assert interrupted.exit_code == 1
    assert "received 500" in interrupted.stderr
    assert not target.exists()
    sent_before = sum(served_model.requests)
    resumed = invoke(*arguments)
    assert "533 of 600 rows predicted" in resumed.stdout
    out = pd.read_csv(target)
    assert out.title.tolist() == [f"Song {number}" for number in range(600)]
    assert out.popularity.isna().sum() == 67
    assert sum(served_model.requests) - sent_before < 400, "predicted rows are not sent again"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_rows_keep_their_order_and_failed_rows_are_reported(
    url: str, data: PreparedData, sample: Path, tmp_path: Path
) -> None:
    rows = data.songs.head(40)
    table = rows[["artist", "title", "year"]].assign(
        spectrogram=[
            str(sample / "spectrograms" / file) if index % 3 == 0 else ""
            for index, file in enumerate(rows.file)
        ]
    )
    table.loc[7, "spectrogram"] = "nowhere.png"
    table.to_csv(tmp_path / "songs.csv", index=False)
    source, target = tmp_path / "songs.csv", tmp_path / "out.csv"
    result = invoke("predict", "--url", url, "--csv", source, "--out", target)
    assert result.exit_code == 1
    assert "line 9: " in result.stderr
    assert "nowhere.png" in result.stderr
    out = pd.read_csv(target)
    assert out.title.tolist() == table.title.tolist()
    assert out.popularity.isna().tolist() == [index == 7 for index in range(40)]


def predict_one_row(source: Path, target: Path) -> None:
    predictor = Predictor(ConstantBackend(10.0, "same", max_songs=1))
    table = open_songs(source)
    assert predict_csv(predictor, table, target, lambda _: None, lambda _: None) == 0


@pytest.fixture
def one_row(tmp_path: Path) -> Path:
    source = tmp_path / "songs.csv"
    source.write_text("artist,title,year\nQueen,Innuendo,1991\n")
    return source


def test_link_is_written_through(one_row: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "out.csv"
    real.parent.mkdir()
    link.symlink_to(real)
    predict_one_row(one_row, link)
    assert link.is_symlink()
    assert len(pd.read_csv(real)) == 1
    assert list(real.parent.iterdir()) == [real]
    assert set(tmp_path.iterdir()) == {one_row, link, real.parent}


def test_device_is_written_through(one_row: Path, tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    predict_one_row(one_row, tmp_path / "null")
    assert Path(os.devnull).is_char_device()
    assert set(tmp_path.iterdir()) == {one_row, tmp_path / "null"}


def test_table_that_another_process_writes_is_an_error(one_row: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with locked_file(target), pytest.raises(InputError, match="another process writes now"):
        predict_one_row(one_row, target)
    predict_one_row(one_row, target)
