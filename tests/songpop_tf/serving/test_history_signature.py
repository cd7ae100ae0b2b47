"""The signature that leaves out one of the artists' other songs."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.artist_keys import artist_keys, song_key
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.history_signature import history_song, leave_out
from songpop_tf.serving.schema import LEAVE_OUT_ALL, LEAVE_OUT_NONE, WITH_HISTORY
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.run import Run

YEARS, POPULARITY = [1930, 1975, 1977, 0], [10.0, 40.0, 80.0, 55.0]


def lookup(year: int) -> tuple[ArtistHistory, tf.Tensor, tf.Tensor]:
    """The history of an artist with four songs, and years and features for another song."""
    table = pd.DataFrame(
        {
            "artist": "Queen",
            "title": ["Old", "First", "Second", "Undated"],
            "year": YEARS,
            "popularity": POPULARITY,
            "is_pretraining": 0,
        }
    )
    history = ArtistHistory.from_table(table)
    keys = artist_keys(tf.constant(["Queen"]))
    song = song_key(keys, tf.constant(["Third"]))
    arguments = (tf.constant([True]), tf.constant([year]), tf.constant([0.5]))
    return history, *history.lookup(keys, song, *arguments)


def at_positions(history: tf.Tensor, positions: list[int]) -> tf.Tensor:
    return tf.repeat(history, len(positions), axis=0)


def test_one_all_or_no_song_is_left_out() -> None:
    _, _, history = lookup(1980)
    positions = [LEAVE_OUT_NONE, 1, 3, 31, LEAVE_OUT_ALL]
    left = leave_out(at_positions(history, positions), tf.constant(positions, tf.int64)).numpy()
    counts = (left[:, :, 0] > 0).sum(axis=1)
    assert counts.tolist() == [4, 3, 3, 4, 0]
    np.testing.assert_array_equal(left[1, [0, 2, 3]], history.numpy()[0, [0, 2, 3]])
    assert not left[1, 1].any()


def test_song_is_described() -> None:
    artist_history, years, history = lookup(1980)
    positions = [0, 1, 2, 3, 4, LEAVE_OUT_NONE, LEAVE_OUT_ALL]
    song = history_song(
        at_positions(years, positions),
        at_positions(history, positions),
        tf.constant(positions, tf.int64),
    )
    assert song["song_count"].numpy().tolist() == [1, 1, 1, 1, 0, 0, 0]
    # By year: the undated one first.
    assert song["song_year"].numpy().tolist() == [0, 1930, 1975, 1977, 0, 0, 0]
    baseline = artist_history.year_baseline(tf.constant([1977]), tf.constant([0])).numpy()[0]
    difference = song["song_difference"].numpy()
    assert difference[3] == pytest.approx(80 - baseline, abs=1e-4)
    assert not difference[4:].any()


def test_prediction_is_that_of_the_model_without_the_song(
    data: PreparedData, run: Run, run_backend: Backend, exported_backend: Backend
) -> None:
    artist = data.songs_of(TRAIN).artist.value_counts().idxmax()
    columns = {"artist": [artist], "title": ["Another"], "year": [1990]}
    configuration = find_configuration("text")
    inputs = run.load_preprocessor(configuration)(*(tf.constant(x) for x in columns.values()))
    history = np.array(inputs["history"])
    history[0, 0] = 0
    model = run.load_model(configuration)
    expected = float(model({**inputs, "history": tf.constant(history)}, training=False)[0, 0])
    for backend in (run_backend, exported_backend):
        (row,) = backend.predict_batch(WITH_HISTORY, {**columns, "history_position": [0]})
        assert row.popularity == pytest.approx(expected, abs=1e-2)
        assert row.left_out is not None
        assert row.left_out.represented > 0
