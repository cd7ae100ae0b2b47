"""Tables: good rows are read whatever is beside them; bad rows and broken files are named."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.tables.audio_features import read_audio_features
from pipelines.tables.tracks import open_tracks, parse_tracks
from songpop_tf.serving.backend import Inputs, Row, Rows
from songpop_tf.serving.predict_csv import open_songs, predict_csv
from songpop_tf.serving.predictor import Predictor
from tests.corpus.memory import GIGABYTE, at_most_above
from tests.corpus.run_files import changed_json, damaged
from tests.corpus.tables import (
    GOOD_ROWS,
    HEADER,
    bad_rows,
    broken_tables,
    encode,
    odd_rows,
    usable_tables,
)

SONG = ["title", "artists", "year", "popularity"]
GOOD = pd.DataFrame(
    [
        ("Song One", ("First Artist",), 1991, 51.0),
        ("Chanson Déjà", ("Beyoncé", "Second"), 2004, 7.0),
        ('A "quoted", title', ("Third Artist",), 1975, 99.0),
        ("Last Song", ("Fourth Artist",), 2020, 0.0),
    ],
    columns=SONG,
)


def read(path: Path, content: bytes) -> tuple[pd.DataFrame, pd.DataFrame]:
    path.write_bytes(content)
    tables = open_tracks([path])
    tracks, rejects = parse_tracks(tables)
    read_audio_features(tables, tracks)
    return tracks, rejects


@pytest.mark.parametrize("name", usable_tables())
def test_other_encodings_and_layouts_are_read_alike(tmp_path: Path, name: str) -> None:
    tracks, rejects = read(tmp_path / "tracks.csv", usable_tables()[name])
    pd.testing.assert_frame_equal(tracks[SONG], GOOD)
    assert rejects.empty


def test_bad_rows_are_named_and_the_others_read(tmp_path: Path) -> None:
    bad = bad_rows()
    mixed = [HEADER]
    for index, row in enumerate(bad.values()):
        mixed += [GOOD_ROWS[index]] if index < len(GOOD_ROWS) else []
        mixed.append(row)
    path = tmp_path / "tracks.csv"
    tracks, rejects = read(path, encode(mixed).encode())
    pd.testing.assert_frame_equal(tracks[SONG], GOOD)
    assert len(rejects) == len(bad)
    assert set(rejects.file) == {str(path)}
    assert rejects.row.is_unique
    assert all(reason and "\n" not in reason and len(reason) < 200 for reason in rejects.reason)


@pytest.mark.parametrize("name", odd_rows())
def test_odd_rows_change_no_other_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tracks.csv"
    try:
        tracks, rejects = read(path, encode([HEADER, odd_rows()[name], *GOOD_ROWS]).encode())
    except InputError as error:
        assert_names(error, path)
        return
    pd.testing.assert_frame_equal(tracks[SONG].tail(4).reset_index(drop=True), GOOD)
    assert len(tracks) + len(rejects) == 5
    assert "\n" not in "".join(tracks.title)


def test_broken_tables_are_named_or_their_rows(tmp_path: Path) -> None:
    broken = broken_tables(seed=0)
    with at_most_above(GIGABYTE):
        for name, content in broken.items():
            path = tmp_path / f"{name}.csv"
            try:
                tracks, rejects = read(path, content)
            except InputError as error:
                assert_names(error, path)
            else:
                assert tracks.popularity.between(0, 100).all(), name
                assert all("\n" not in reason for reason in rejects.reason), name


def assert_names(error: InputError, path: Path) -> None:
    assert path.name in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


class ConstantBackend:
    """Predicts the same popularity for every song."""

    name, identity = "run", "constant"
    branches = ("text",)
    validate_images = True

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:  # noqa: ARG002
        return [Row(50.0, 0.0, 100.0, usable=True)] * len(inputs["year"])


def test_damaged_progress_of_a_prediction_is_named(tmp_path: Path) -> None:
    path, out = tmp_path / "songs.csv", tmp_path / "out.csv"
    path.write_bytes(songs_header(usable_tables()["plain"]))
    progress = tmp_path / ".out.csv.partial.json"
    stored = b'{"source": "a", "model": "b", "rows": 1, "failed": 0, "size": 9}'
    for content in {**damaged(stored, seed=0, count=8), **changed_json(stored)}.values():
        progress.write_bytes(content)
        (tmp_path / ".out.csv.partial").write_bytes(b"artist,ti")
        try:
            predict_csv(Predictor(ConstantBackend()), open_songs(path), out, lambda _: None, print)
        except InputError as error:
            assert_names(error, progress)
        else:
            assert len(pd.read_csv(out)) == len(GOOD)


def songs_header(content: bytes) -> bytes:
    """The same table with the columns of songs to predict."""
    return content.replace(b"name", b"title", 1).replace(b"popularity", b"streams", 1)


def test_broken_tables_of_songs_are_named_or_predicted(tmp_path: Path) -> None:
    predictor = Predictor(ConstantBackend())
    mixed = encode([HEADER, *bad_rows().values(), *odd_rows().values(), *GOOD_ROWS]).encode()
    files = {**usable_tables(), **broken_tables(seed=1), "mixed": mixed}
    for name, content in files.items():
        path, out = tmp_path / f"{name}.csv", tmp_path / f"{name}.out.csv"
        path.write_bytes(songs_header(content))
        errors: list[str] = []
        try:
            failed = predict_csv(predictor, open_songs(path), out, lambda _: None, errors.append)
        except InputError as error:
            assert_names(error, path)
            continue
        assert failed == len(errors)
        assert all(line.startswith(f"{path} line ") and "\n" not in line for line in errors)
        assert out.is_file()
