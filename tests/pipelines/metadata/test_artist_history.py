"""Lookup of the artists' other songs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.constants import HISTORY_LENGTH
from pipelines.errors import InputError
from pipelines.metadata.artist_history import HISTORY_FEATURES, ArtistHistory
from pipelines.metadata.artist_keys import artist_keys, song_key

TABLE = pd.DataFrame(
    [
        ("Abba", "Waterloo", 1974, 60.0, 0),
        ("Abba", "Fernando", 1976, 40.0, 0),
        ("ABBA", "Eagle", 1977, 90.0, 1),
        ("Cher", "Believe", 1998, 80.0, 0),
        ("Cher & Abba", "Duet", 0, 50.0, 0),
        ("Nobody Else", "Alone", 1980, 30.0, 1),
    ],
    columns=["artist", "title", "year", "popularity", "is_pretraining"],
)


@pytest.fixture(scope="module")
def artist_history() -> ArtistHistory:
    return ArtistHistory.from_table(TABLE)


def look_up(
    artist_history: ArtistHistory, artist: str, title: str, year: int, sampling_offset: float = 0.5
) -> np.ndarray:
    """Return the features of the songs that are shown, without padding."""
    artists = artist_keys(tf.constant([artist]))
    song = song_key(artists, tf.constant([title]))
    has_title = tf.constant([bool(title)])
    _, history = artist_history.lookup(
        artists, song, has_title, tf.constant([year]), tf.constant([sampling_offset])
    )
    assert history.shape == (1, HISTORY_LENGTH, HISTORY_FEATURES)
    return history.numpy()[0][history.numpy()[0, :, 0] > 0]


def scaled_residual(row: int) -> float:
    song = TABLE.iloc[row]
    baseline = ArtistHistory.from_table(TABLE).year_baseline(
        tf.constant([song.year], tf.int32), tf.constant([song.is_pretraining], tf.int32)
    )
    return float((song.popularity - baseline[0]) / 20.0)


def test_history_has_the_other_songs_of_the_artist_but_no_version_of_the_song(
    artist_history: ArtistHistory,
) -> None:
    history = look_up(artist_history, "Abba", "Waterloo - Remastered", 1974)
    np.testing.assert_allclose(history[:, 0], 1)
    residuals = [scaled_residual(4), scaled_residual(1), scaled_residual(2)]
    np.testing.assert_allclose(history[:, 1], residuals, atol=1e-5)
    np.testing.assert_allclose(history[:, 2], [0.0, 0.2, 0.3], atol=1e-6)  # decades; 0 = unknown
    np.testing.assert_array_equal(history[:, 3], [0, 0, 1])
    np.testing.assert_array_equal(history[:, 4], 1)


def test_songs_of_a_featured_artist_are_marked_and_a_shared_song_is_shown_once(
    artist_history: ArtistHistory,
) -> None:
    history = look_up(artist_history, "Cher feat. Abba", "New", 2000)
    assert len(history) == 5
    assert history[:, 4].tolist() == [1, 1, 0, 0, 0]


def test_without_title_songs_of_the_same_year_are_excluded(artist_history: ArtistHistory) -> None:
    assert len(look_up(artist_history, "Abba", "", 1976)) == 3
    assert len(look_up(artist_history, "Abba", "", 0)) == 4


def test_unknown_artist_has_no_history(artist_history: ArtistHistory) -> None:
    assert len(look_up(artist_history, "Somebody New", "Song", 2000)) == 0
    assert len(look_up(artist_history, "", "", 0)) == 0


def test_long_history_is_sampled_evenly_over_time() -> None:
    years = np.arange(1900, 2100)
    table = pd.DataFrame(
        {
            "artist": "Prolific",
            "title": [f"Song {year}" for year in years],
            "year": years,
            "popularity": 50.0,
            "is_pretraining": 0,
        }
    )
    artist_history = ArtistHistory.from_table(table)
    history = look_up(artist_history, "Prolific", "Another", 2000)
    assert len(history) == HISTORY_LENGTH
    np.testing.assert_allclose(history[:, 0].sum(), len(years), rtol=1e-5)
    # Decades are clipped to 4: the middle of the career shows the regular intervals.
    middle = history[np.abs(history[:, 2]) < 3.9, 2]
    np.testing.assert_allclose(np.diff(middle), 0.625, atol=0.08)
    earlier = look_up(artist_history, "Prolific", "Another", 2000, sampling_offset=0.0)
    assert (earlier[:, 2] <= history[:, 2]).all()
    assert (earlier[:, 2] < history[:, 2]).any()


def test_each_set_has_a_year_baseline_of_its_own_for_any_year(
    artist_history: ArtistHistory,
) -> None:
    years = tf.constant([1974, 1974, 0, -5, 9999], tf.int32)
    is_pretraining = tf.constant([0, 1, 0, 0, 0], tf.int32)
    baseline = artist_history.year_baseline(years, is_pretraining).numpy()
    assert abs(baseline[0] - baseline[1]) > 1
    assert ((baseline >= 0) & (baseline <= 100)).all()


def test_years_are_clipped_to_those_of_the_training_set(artist_history: ArtistHistory) -> None:
    years = tf.constant([1900, 1980, 2030, 0], tf.int32)
    assert artist_history.clip_year(years).numpy().tolist() == [1974, 1980, 1998, 0]
    undated = ArtistHistory.from_table(TABLE.assign(year=0))
    assert undated.clip_year(years).numpy().tolist() == years.numpy().tolist()


def test_save_and_load(artist_history: ArtistHistory, tmp_path: Path) -> None:
    artist_history.save(tmp_path / "artists.npz")
    loaded = ArtistHistory.load(tmp_path / "artists.npz")
    np.testing.assert_array_equal(
        look_up(loaded, "Abba", "Waterloo", 1974), look_up(artist_history, "Abba", "Waterloo", 1974)
    )
    with pytest.raises(InputError, match="received a missing file"):
        ArtistHistory.load(tmp_path / "other.npz")


def test_songs_without_artist_give_an_empty_history() -> None:
    artist_history = ArtistHistory.from_table(TABLE.assign(artist=""))
    assert len(look_up(artist_history, "Abba", "Waterloo", 1974)) == 0


def test_same_result_eagerly_and_inside_a_dataset(artist_history: ArtistHistory) -> None:
    rows = tf.data.Dataset.from_tensor_slices((TABLE.artist, TABLE.title, TABLE.year)).batch(6)

    def histories(
        artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        artists = artist_keys(artist)
        return artist_history.lookup(
            artists,
            song_key(artists, title),
            tf.strings.length(title) > 0,
            tf.cast(year, tf.int32),
            tf.fill(tf.shape(year), 0.5),
        )

    inside = next(iter(rows.map(histories)))
    for received, expected in zip(inside, histories(*next(iter(rows))), strict=True):
        np.testing.assert_array_equal(received, expected)
