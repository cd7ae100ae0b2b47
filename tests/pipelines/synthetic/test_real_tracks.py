"""Samples of real songs: the rows that are used, and invalid tables."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines.errors import InputError
from pipelines.synthetic import write_sample
from pipelines.synthetic.real_tracks import plan_real_songs
from tests.pipelines.synthetic.sample_files import assert_one_line, file_contents


@pytest.fixture
def real_tracks(tmp_path):
    """Twelve valid rows and seven invalid ones."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "id": [f"id{n}" for n in range(19)],
            "name": [f"Song / {n}" for n in range(19)],
            "popularity": np.arange(19) * 5,
            "duration_ms": 200_000,
            "artists": [str(["The Band", "A Guest"])] * 19,
            "release_date": ["1980", "1981-02", "1982-03-04"] * 6 + ["1990"],
            "danceability": rng.random(19).round(3),
            "energy": rng.random(19).round(3),
            "key": 5.0,
            "loudness": -8.0,
            "mode": 1,
            "acousticness": 0.2,
            "tempo": 120.0,
        }
    ).astype(object)
    for row, column, value in [
        (12, "tempo", 0),
        (13, "name", ""),
        (14, "artists", "['half a list"),
        (15, "artists", "[]"),
        (16, "release_date", ""),
        (17, "energy", ""),
        (18, "key", -1),
    ]:
        rows.loc[row, column] = value
    path = tmp_path / "real.csv"
    rows.to_csv(path, index=False)
    return path


def test_real_rows_are_synthesized_and_the_file_is_copied_unchanged(real_tracks, tmp_path):
    out = tmp_path / "out"
    summary = write_sample(out, 5, seconds=2.0, tracks=real_tracks, workers=1)
    assert (out / "tracks.csv").read_bytes() == real_tracks.read_bytes()
    names = sorted(path.name for path in (out / "spectrograms").rglob("*.png"))
    assert len(names) == 5
    assert all(name.startswith("The_Band_Featuring_A_Guest_-_Song_") for name in names)
    content = json.loads((out / "sample.json").read_text())
    assert content["reachable_r2"] is None
    assert summary.reachable_r2 is None
    assert content["tracks"] == "real.csv"
    assert summary.tracks == 19


def test_sound_does_not_depend_on_popularity(real_tracks, tmp_path):
    write_sample(tmp_path / "a", 3, seconds=1.0, tracks=real_tracks, workers=1)
    table = pd.read_csv(real_tracks)
    table["popularity"] = 50
    table.to_csv(real_tracks, index=False)
    write_sample(tmp_path / "b", 3, seconds=1.0, tracks=real_tracks, workers=1)
    images = file_contents(tmp_path / "a" / "spectrograms")
    assert images == file_contents(tmp_path / "b" / "spectrograms")


def test_length_is_the_clipped_duration(real_tracks, tmp_path):
    table = pd.read_csv(real_tracks)
    table["duration_ms"] = 1000
    table.to_csv(real_tracks, index=False)
    write_sample(tmp_path / "out", 1, tracks=real_tracks, workers=1)
    (path,) = (tmp_path / "out" / "spectrograms").rglob("*.png")
    with Image.open(path) as image:
        assert image.width == 30 * 200


def test_table_of_a_spreadsheet_is_read(real_tracks):
    said = []

    def plan():
        said.clear()
        return plan_real_songs(real_tracks, 3, 1.0, np.random.default_rng(0), said.append).songs

    expected = plan()
    assert said == []
    table = pd.read_csv(real_tracks, dtype=str, keep_default_na=False)
    table.to_csv(real_tracks, sep=";", encoding="utf-16", index=False)
    assert plan() == expected
    assert said == [
        f"{real_tracks}: read as UTF-16",
        f"{real_tracks}: cells separated by semicolons",
    ]


def test_too_few_usable_rows_are_an_error(real_tracks, tmp_path):
    with pytest.raises(
        InputError, match=r"real\.csv: expected at least 13 .* received 12 in 19"
    ) as error:
        write_sample(tmp_path / "out", 13, tracks=real_tracks)
    assert_one_line(error)
    assert not (tmp_path / "out").exists()


def test_missing_columns_are_refused(real_tracks, tmp_path):
    pd.read_csv(real_tracks).drop(columns=["tempo", "key"]).to_csv(real_tracks, index=False)
    with pytest.raises(InputError, match=r"real\.csv: .*a table without \['key', 'tempo'\]"):
        write_sample(tmp_path / "out", 1, tracks=real_tracks)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b'a,b\n"1,2\n3'])
def test_invalid_csv_is_refused(content, tmp_path):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.csv: expected") as error:
        write_sample(tmp_path / "out", 1, tracks=tmp_path / "bad.csv")
    assert_one_line(error)
