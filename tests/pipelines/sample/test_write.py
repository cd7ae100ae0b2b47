"""A whole sample on disk: layout, repeatability, resuming, refusals."""

import ast
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines.errors import InputError
from pipelines.sample import TRACKS_PER_SONG, write_sample

# fmt: off
KAGGLE_COLUMNS = [
    "id", "name", "popularity", "duration_ms", "explicit", "artists", "id_artists", "release_date",
    "danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness",
    "instrumentalness", "liveness", "valence", "tempo", "time_signature",
]
# fmt: on


def files(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def one_line(error) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture
def real_tracks(tmp_path):
    """Twelve good rows and seven that cannot be drawn."""
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
    for row, column, bad in [
        (12, "tempo", 0),
        (13, "name", ""),
        (14, "artists", "not a list"),
        (15, "artists", "[]"),
        (16, "release_date", ""),
        (17, "energy", ""),
        (18, "key", -1),
    ]:
        rows.loc[row, column] = bad
    path = tmp_path / "real.csv"
    rows.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sample") / "new"
    summary = write_sample(directory, 6, seconds=1.5, seed=3, workers=1)
    return directory, summary


def test_layout(sample):
    directory, summary = sample
    images = sorted((directory / "spectrograms").rglob("*"))
    pngs = [path for path in images if path.is_file()]
    assert len(pngs) == summary.songs == summary.drawn == 6
    for path in pngs:
        assert path.suffix == ".png"
        assert 1960 <= int(path.parent.name) <= 2020
        assert path.stem.count("_-_") == 1
        assert " " not in path.name
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (300, 256))
    assert {path.name for path in directory.iterdir()} == {
        "spectrograms",
        "tracks.csv",
        "best_predictions.csv",
        "sample.json",
    }


def test_tracks_have_the_kaggle_columns_and_formats(sample):
    directory, summary = sample
    tracks = pd.read_csv(directory / "tracks.csv", dtype={"release_date": str})
    assert list(tracks.columns) == KAGGLE_COLUMNS
    assert len(tracks) == summary.tracks == 6 * (1 + TRACKS_PER_SONG)
    assert tracks["popularity"].dtype == np.int64
    assert tracks["popularity"].between(0, 100).all()
    assert tracks["release_date"].str.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?").all()
    assert set(tracks["release_date"].str.len()) >= {4, 10}
    for artists, identifiers in zip(tracks["artists"], tracks["id_artists"], strict=True):
        assert len(ast.literal_eval(artists)) == len(ast.literal_eval(identifiers)) >= 1
    assert not tracks.duplicated(["name", "artists", "release_date"]).any()


def test_sample_json_states_arguments_counts_and_reachable_r2(sample):
    directory, summary = sample
    content = json.loads((directory / "sample.json").read_text())
    assert content["seed"] == 3
    assert content["arguments"]["songs"] == 6
    assert content["counts"] == {"spectrograms": 6, "tracks": 126}
    assert content["reachable_r2"] == summary.reachable_r2
    assert set(content["reachable_r2"]) == {"text", "cnn", "combined"}


def test_songs_own_lengths_are_realistic(tmp_path):
    write_sample(tmp_path, 1, workers=1)
    (path,) = (tmp_path / "spectrograms").rglob("*.png")
    with Image.open(path) as image:
        assert 120 * 200 <= image.width <= 300 * 200


def test_several_processes_write_the_same_bytes(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=2)
    assert files(tmp_path) == files(sample[0])


def test_another_seed_writes_another_sample(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=4, workers=1)
    assert set(files(tmp_path)) != set(files(sample[0]))


def test_an_interrupted_call_carries_on(sample, tmp_path):
    class InterruptionError(Exception):
        pass

    def interrupt(done, _total):
        if done == 3:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=1, progress=interrupt)
    assert not (tmp_path / "sample.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert len(kept) == 3

    seen = []
    summary = write_sample(
        tmp_path, 6, seconds=1.5, seed=3, workers=1, progress=lambda *call: seen.append(call)
    )
    assert summary.drawn == 3
    assert seen == [(3, 6), (4, 6), (5, 6), (6, 6)]
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert files(tmp_path) == files(sample[0])


def test_what_a_killed_process_left_half_written_disappears(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=1)
    image = next(tmp_path.rglob("*.png"))
    image.unlink()
    for song in range(6):
        (image.parent / f".{song}.partial").write_bytes(b"half")
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=1)
    whole = {name: content for name, content in files(tmp_path).items() if "partial" not in name}
    assert whole == files(sample[0])


def test_real_rows_are_drawn_and_the_whole_file_copied(real_tracks, tmp_path):
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


def test_real_songs_are_not_drawn_from_their_popularity(real_tracks, tmp_path):
    write_sample(tmp_path / "a", 3, seconds=1.0, tracks=real_tracks, workers=1)
    table = pd.read_csv(real_tracks)
    table["popularity"] = 50
    table.to_csv(real_tracks, index=False)
    write_sample(tmp_path / "b", 3, seconds=1.0, tracks=real_tracks, workers=1)
    one, other = files(tmp_path / "a" / "spectrograms"), files(tmp_path / "b" / "spectrograms")
    assert one == other


def test_a_real_song_is_as_long_as_its_duration_within_limits(real_tracks, tmp_path):
    table = pd.read_csv(real_tracks)
    table["duration_ms"] = 1000
    table.to_csv(real_tracks, index=False)
    write_sample(tmp_path / "out", 1, tracks=real_tracks, workers=1)
    (path,) = (tmp_path / "out" / "spectrograms").rglob("*.png")
    with Image.open(path) as image:
        assert image.width == 30 * 200


def test_too_few_usable_rows(real_tracks, tmp_path):
    with pytest.raises(InputError, match=r"real\.csv: expected at least 13 .* found 12 in 19") as e:
        write_sample(tmp_path / "out", 13, tracks=real_tracks)
    one_line(e)
    assert not (tmp_path / "out").exists()


def test_missing_columns(real_tracks, tmp_path):
    pd.read_csv(real_tracks).drop(columns=["tempo", "key"]).to_csv(real_tracks, index=False)
    with pytest.raises(InputError, match=r"real\.csv: .*missing \['key', 'tempo'\]"):
        write_sample(tmp_path / "out", 1, tracks=real_tracks)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b'a,b\n"1,2\n3'])
def test_a_file_that_is_no_table(content, tmp_path):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.csv: expected") as error:
        write_sample(tmp_path / "out", 1, tracks=tmp_path / "bad.csv")
    one_line(error)


def test_a_tracks_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: expected a CSV of tracks"):
        write_sample(tmp_path / "out", 1, tracks=tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"songs": 0}, "songs: expected 1 or more, received 0"),
        ({"songs": 1, "seconds": 0.5}, "seconds: expected 1 to 3600, received 0.5"),
        ({"songs": 1, "seconds": float("nan")}, "seconds: expected 1 to 3600, received nan"),
        ({"songs": 1, "seconds": 1e9}, "seconds: expected 1 to 3600"),
        ({"songs": 1, "seed": -1}, "seed: expected 0 or more, received -1"),
        ({"songs": 1, "workers": 0}, "workers: expected 1 or more, received 0"),
    ],
)
def test_arguments_out_of_range(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_sample(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_directory_with_another_sample_is_refused(sample):
    directory, _ = sample
    before = files(directory)
    with pytest.raises(
        InputError, match=r'expected a sample of .*"seed": 9.*found .*"seed": 3'
    ) as e:
        write_sample(directory, 6, seconds=1.5, seed=9)
    one_line(e)
    assert files(directory) == before


def test_a_directory_with_an_unfinished_other_sample_is_refused(sample, tmp_path):
    arguments = json.loads((sample[0] / "sample.json").read_text())["arguments"]
    (tmp_path / "sample.unfinished.json").write_text(json.dumps(arguments))
    with pytest.raises(InputError, match=r"sample\.unfinished\.json: expected a sample of"):
        write_sample(tmp_path, 7, seconds=1.5, seed=3)


def test_a_sample_json_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "sample.json").write_text("{")
    with pytest.raises(InputError, match=r"sample\.json: expected JSON of a sample"):
        write_sample(tmp_path, 1)


def test_data_that_was_not_generated_is_never_touched(tmp_path):
    (tmp_path / "tracks.csv").write_text("mine")
    with pytest.raises(InputError, match=r"found tracks\.csv that"):
        write_sample(tmp_path, 1, seconds=1.0)
    assert files(tmp_path) == {"tracks.csv": b"mine"}


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder, found a file"):
        write_sample(tmp_path / "file", 1)
