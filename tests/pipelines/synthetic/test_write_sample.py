"""A whole sample on disk: layout, reproducibility, resuming, refusals."""

import ast
import json
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.errors import InputError
from pipelines.synthetic import TRACKS_PER_SONG, write_sample
from tests.pipelines.synthetic.sample_files import assert_one_line, file_contents

# fmt: off
KAGGLE_COLUMNS = [
    "id", "name", "popularity", "duration_ms", "explicit", "artists", "id_artists", "release_date",
    "danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness",
    "instrumentalness", "liveness", "valence", "tempo", "time_signature",
]
# fmt: on


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sample") / "new"
    summary = write_sample(directory, 6, seconds=1.5, seed=3, workers=1)
    return directory, summary


def test_layout(sample):
    directory, summary = sample
    pngs = [path for path in sorted((directory / "spectrograms").rglob("*")) if path.is_file()]
    assert len(pngs) == summary.songs == summary.written == 6
    for path in pngs:
        assert path.suffix == ".png"
        assert 1960 <= int(path.parent.name) <= 2020
        assert path.stem.count("_-_") == 1
        assert " " not in path.name
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (300, 256))
    assert {path.name for path in directory.iterdir()} == {
        "audio",
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


def test_sample_json_has_arguments_counts_and_reachable_r2(sample):
    directory, summary = sample
    content = json.loads((directory / "sample.json").read_text())
    assert content["seed"] == 3
    assert content["arguments"]["songs"] == 6
    assert content["counts"] == {"spectrograms": 6, "tracks": 126}
    assert content["reachable_r2"] == summary.reachable_r2
    assert set(content["reachable_r2"]) == {"text", "cnn", "combined"}


def test_natural_lengths_are_realistic(tmp_path):
    write_sample(tmp_path, 1, workers=1)
    (path,) = (tmp_path / "spectrograms").rglob("*.png")
    with Image.open(path) as image:
        assert 120 * 200 <= image.width <= 300 * 200


def test_multiple_processes_write_the_same_bytes(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=2)
    assert file_contents(tmp_path) == file_contents(sample[0])


def test_different_seeds_write_different_samples(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=4, workers=1)
    assert set(file_contents(tmp_path)) != set(file_contents(sample[0]))


def test_interrupted_call_resumes(sample, tmp_path):
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

    calls = []
    summary = write_sample(
        tmp_path, 6, seconds=1.5, seed=3, workers=1, progress=lambda *call: calls.append(call)
    )
    assert summary.written == 3
    assert calls == [(3, 6), (4, 6), (5, 6), (6, 6)]
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert file_contents(tmp_path) == file_contents(sample[0])


def test_partial_files_of_a_killed_process_are_removed(sample, tmp_path):
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=1)
    image = next(tmp_path.rglob("*.png"))
    image.unlink()
    remains = image.with_name(f".{image.name}.0123456789ab.tmp.png")
    remains.write_bytes(b"half")
    os.utime(remains, (0, 0))  # not of a process that is still at work
    write_sample(tmp_path, 6, seconds=1.5, seed=3, workers=1)
    assert file_contents(tmp_path) == file_contents(sample[0])


def test_sound_files_have_the_spectrograms_of_the_sample(sample):
    directory, _ = sample
    (sound,) = (path for path in (directory / "audio").rglob("*") if path.is_file())
    png = directory / "spectrograms" / sound.relative_to(directory / "audio").with_suffix(".png")
    with Image.open(png) as image:
        expected = np.asarray(image)
    # 16-bit samples are rounded.
    difference = np.abs(audio_spectrogram(sound).astype(int) - expected)
    assert np.mean(difference > 1) < 0.01


def test_missing_tracks_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: expected a CSV of tracks"):
        write_sample(tmp_path / "out", 1, tracks=tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"songs": 0}, "songs: expected 1 or more, received 0"),
        ({"songs": 1, "seconds": 0.5}, "seconds: expected 1 to 1260, received 0.5"),
        ({"songs": 1, "seconds": float("nan")}, "seconds: expected 1 to 1260, received nan"),
        ({"songs": 1, "seconds": 1e9}, "seconds: expected 1 to 1260"),
        ({"songs": 1, "seed": -1}, "seed: expected 0 or more, received -1"),
        ({"songs": 1, "workers": 0}, "workers: expected 1 or more, received 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_sample(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_directory_with_another_sample_is_refused(sample):
    directory, _ = sample
    before = file_contents(directory)
    with pytest.raises(
        InputError, match=r'expected a sample of .*"seed": 9.*received .*"seed": 3'
    ) as error:
        write_sample(directory, 6, seconds=1.5, seed=9)
    assert_one_line(error)
    assert file_contents(directory) == before


def test_directory_with_another_unfinished_sample_is_refused(sample, tmp_path):
    arguments = json.loads((sample[0] / "sample.json").read_text())["arguments"]
    (tmp_path / "sample.unfinished.json").write_text(json.dumps(arguments))
    with pytest.raises(InputError, match=r"sample\.unfinished\.json: expected a sample of"):
        write_sample(tmp_path, 7, seconds=1.5, seed=3)


def test_invalid_sample_json_is_refused(tmp_path):
    (tmp_path / "sample.json").write_text("{")
    with pytest.raises(InputError, match=r"sample\.json: expected JSON of a sample"):
        write_sample(tmp_path, 1)


def test_other_data_are_never_modified(tmp_path):
    (tmp_path / "tracks.csv").write_text("mine")
    with pytest.raises(InputError, match=r"received tracks\.csv that"):
        write_sample(tmp_path, 1, seconds=1.0)
    assert file_contents(tmp_path) == {"tracks.csv": b"mine"}


def test_file_instead_of_a_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder, received a file"):
        write_sample(tmp_path / "file", 1)
