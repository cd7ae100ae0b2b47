"""The prediction of a table with its progress."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.app.tables import predict_table
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predict_csv import open_songs, predict_csv
from songpop_tf.serving.predictor import Predictor


def test_progress_comes_before_the_result_of_the_command_line(
    backend: Backend, table: Path, tmp_path: Path
) -> None:
    *progress, result = predict_table(backend, table)
    assert progress[-1] == {"done": 4, "total": 4}
    out = tmp_path / "out.csv"
    predict_csv(Predictor(backend), open_songs(table), out, lambda _: None, lambda _: None)
    assert result["csv"] == out.read_text("utf-8")
    assert result["header"][:4] == ["artist", "title", "year", "shelf"]
    assert [row[0] for row in result["rows"]] == ["A", "B", "C", "D"]
    assert result["failed"] == 1
    assert "line 5" in result["errors"][0]
    assert "Predicted popularity of 3 songs" in result["histogram"]


def test_a_table_may_name_no_files(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text("artist,title,year,audio\nA,B,1999,/etc/passwd\n")
    with pytest.raises(InputError, match="received the column audio"):
        list(predict_table(backend, path))


def test_it_stops_when_nobody_reads_on(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text("artist,title,year\n" + "A,B,1999\n" * 2000)
    events = predict_table(backend, path)
    assert next(events)["total"] == 2000
    events.close()
    assert not (tmp_path / "predicted-songs.csv").exists()
