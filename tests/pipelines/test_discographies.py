"""The artists' other songs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.credits import artist_keys, song_key
from pipelines.discographies import OTHER_SONGS, Discographies
from pipelines.errors import InputError

TABLE = pd.DataFrame(
    [
        ("Abba", "Waterloo", 1974, 60.0, 0),
        ("Abba", "Fernando", 1976, 40.0, 0),
        ("ABBA", "Eagle", 1977, 90.0, 1),
        ("Cher", "Believe", 1998, 80.0, 0),
        ("Cher & Abba", "Duet", 0, 50.0, 0),
        ("Nobody Else", "Alone", 1980, 30.0, 1),
    ],
    columns=["artist", "title", "year", "popularity", "in_large"],
)


@pytest.fixture(scope="module")
def discographies() -> Discographies:
    return Discographies.of(TABLE)


def look_up(
    discographies: Discographies, artist: str, title: str, year: int, phase: float = 0.5
) -> np.ndarray:
    """The songs shown, without the empty places."""
    artists = artist_keys(tf.constant([artist]))
    song = song_key(artists, tf.constant([title]))
    has_title = tf.constant([bool(title)])
    found = discographies.other_songs(
        artists, song, has_title, tf.constant([year]), tf.constant([phase])
    )
    assert found.shape == (1, OTHER_SONGS, 5)
    return found.numpy()[0][found.numpy()[0, :, 0] > 0]


def surplus(place: int) -> float:
    row = TABLE.iloc[place]
    side = Discographies.of(TABLE).trend(
        tf.constant([row.year], tf.int32), tf.constant([row.in_large], tf.int32)
    )
    return float((row.popularity - side[0]) / 20.0)


def test_other_songs_of_the_artist_and_never_the_song_itself(discographies: Discographies) -> None:
    found = look_up(discographies, "Abba", "Waterloo - Remastered", 1974)
    np.testing.assert_allclose(found[:, 0], 1)
    np.testing.assert_allclose(found[:, 1], [surplus(4), surplus(1), surplus(2)], atol=1e-5)
    np.testing.assert_allclose(found[:, 2], [0.0, 0.2, 0.3], atol=1e-6)  # decades; 0 = unknown
    np.testing.assert_array_equal(found[:, 3], [0, 0, 1])
    np.testing.assert_array_equal(found[:, 4], 1)


def test_a_guest_s_songs_are_marked_and_a_common_song_comes_once(
    discographies: Discographies,
) -> None:
    found = look_up(discographies, "Cher feat. Abba", "New", 2000)
    assert len(found) == 5
    assert found[:, 4].tolist() == [1, 1, 0, 0, 0]


def test_an_unknown_artist_has_none(discographies: Discographies) -> None:
    assert len(look_up(discographies, "Somebody New", "Song", 2000)) == 0
    assert len(look_up(discographies, "", "", 0)) == 0


def test_of_many_songs_a_part_spread_over_the_years_is_shown() -> None:
    years = np.arange(1900, 2100)
    table = pd.DataFrame(
        {
            "artist": "Prolific",
            "title": [f"Song {year}" for year in years],
            "year": years,
            "popularity": 50.0,
            "in_large": 0,
        }
    )
    found = look_up(Discographies.of(table), "Prolific", "Another", 2000)
    assert len(found) == OTHER_SONGS
    np.testing.assert_allclose(found[:, 0].sum(), len(years), rtol=1e-5)
    # Decades are cut at 4: the middle of the career shows that the songs are spread evenly.
    middle = found[np.abs(found[:, 2]) < 3.9, 2]
    np.testing.assert_allclose(np.diff(middle), 0.625, atol=0.08)
    earlier = look_up(Discographies.of(table), "Prolific", "Another", 2000, phase=0.0)
    assert (earlier[:, 2] <= found[:, 2]).all()
    assert (earlier[:, 2] < found[:, 2]).any()


def test_the_trend_is_the_set_s_own_and_has_a_place_for_any_year(
    discographies: Discographies,
) -> None:
    years = tf.constant([1974, 1974, 0, -5, 9999], tf.int32)
    trend = discographies.trend(years, tf.constant([0, 1, 0, 0, 0], tf.int32)).numpy()
    assert abs(trend[0] - trend[1]) > 1
    assert ((trend >= 0) & (trend <= 100)).all()


def test_save_and_load(discographies: Discographies, tmp_path: Path) -> None:
    discographies.save(tmp_path / "artists.npz")
    loaded = Discographies.load(tmp_path / "artists.npz")
    np.testing.assert_array_equal(
        look_up(loaded, "Abba", "Waterloo", 1974), look_up(discographies, "Abba", "Waterloo", 1974)
    )
    with pytest.raises(InputError, match="found no such file"):
        Discographies.load(tmp_path / "other.npz")


def test_nameless_songs_make_empty_discographies() -> None:
    nameless = TABLE.assign(artist="")
    assert len(look_up(Discographies.of(nameless), "Abba", "Waterloo", 1974)) == 0


def test_inside_a_dataset_as_eagerly(discographies: Discographies) -> None:
    rows = tf.data.Dataset.from_tensor_slices((TABLE.artist, TABLE.title, TABLE.year)).batch(6)

    def find(artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
        phase = tf.fill(tf.shape(year), 0.5)
        artists = artist_keys(artist)
        song = song_key(artists, title)
        year = tf.cast(year, tf.int32)
        return discographies.other_songs(artists, song, tf.strings.length(title) > 0, year, phase)

    inside = next(iter(rows.map(find)))
    np.testing.assert_array_equal(inside, find(*next(iter(rows))))
