"""Inputs for artist, title and year in Python."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.constants import FIRST_YEAR, HISTORY_LENGTH, LAST_YEAR, UNKNOWN_YEAR
from pipelines.metadata import artist_history
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary
from songpop_tf.serving.song_inputs import SongInputs, songs

REAL_DATA = os.environ.get("SONGPOP_REAL_DATA", "")


def assert_equal_inputs(table: pd.DataFrame, queries: pd.DataFrame, folder: Path) -> None:
    """Compare the inputs of ``queries`` with those of the TensorFlow graph."""
    tokenizer = MetadataTokenizer(train_vocabulary(table, 500), 12)
    preprocessor = MetadataPreprocessor(tokenizer, ArtistHistory.from_table(table))
    preprocessor.save(folder)
    artist, title, year = (queries[name].tolist() for name in ("artist", "title", "year"))
    expected = preprocessor(tf.constant(artist), tf.constant(title), tf.constant(year, tf.int64))
    received = SongInputs(folder)(artist, title, year)
    assert set(expected) - set(received) == {"is_pretraining"}
    for name, values in received.items():
        reference = expected[name].numpy()
        assert values.dtype == reference.dtype
        if name in ("artist", "title"):  # the graph trims what is padding in the whole batch
            assert not values[:, reference.shape[1] :].any()
            values = values[:, : reference.shape[1]]
        np.testing.assert_array_equal(values, reference, err_msg=name)


def test_constants_are_those_of_the_pipelines() -> None:
    assert (songs.FIRST_YEAR, songs.LAST_YEAR) == (FIRST_YEAR, LAST_YEAR)
    assert songs.UNKNOWN_YEAR == UNKNOWN_YEAR
    assert songs.HISTORY_LENGTH == HISTORY_LENGTH
    assert songs.HISTORY_FEATURES == artist_history.HISTORY_FEATURES


def test_inputs_equal_those_of_the_tensorflow_graph(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["A", "B", "A & B", "B feat. A", "The C", "D, A, C", "!!!"]
    rows = 150
    table = pd.DataFrame(
        {
            "artist": rng.choice(names, rows, p=[0.6, *[0.4 / 6] * 6]),
            "title": rng.choice(["One", "Two (Live)", "Three", "Four - Remaster"], rows),
            "year": rng.choice([0, *range(1960, 2000)], rows),
            "popularity": rng.uniform(0, 100, rows),
            "is_pretraining": rng.integers(0, 2, rows),
        }
    )
    queries = pd.DataFrame(
        [
            (a, t, y)
            for a in [*names, "", "Z"]
            for t in ("One", "Two", "")
            for y in (0, 1, 1975, 2200)
        ],
        columns=["artist", "title", "year"],
    )
    assert_equal_inputs(table, queries, tmp_path)


def test_inputs_of_a_set_without_artists_and_years(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"artist": [""], "title": ["x"], "year": [0], "popularity": [9.0], "is_pretraining": [0]}
    )
    queries = pd.DataFrame({"artist": ["", "A"], "title": ["x", ""], "year": [0, 1980]})
    assert_equal_inputs(table, queries, tmp_path)


@pytest.mark.skipif(not REAL_DATA, reason="SONGPOP_REAL_DATA is not set")
def test_inputs_of_real_songs_equal_those_of_the_tensorflow_graph(tmp_path: Path) -> None:
    tracks = pd.read_csv(Path(REAL_DATA) / "tracks_mixed.csv").dropna(
        subset=["artists", "name", "release_date"]
    )
    table = pd.DataFrame(
        {
            "artist": tracks.artists.str.strip("[]").str.replace("'", ""),
            "title": tracks.name,
            "year": tracks.release_date.str[:4].astype(int),
            "popularity": tracks.popularity,
            "is_pretraining": 0,
        }
    )
    assert_equal_inputs(table, table.sample(2000, random_state=0), tmp_path)
