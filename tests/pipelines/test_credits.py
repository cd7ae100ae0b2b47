"""Keys of artists and songs."""

import pytest
import tensorflow as tf

from pipelines.credits import CREDITED, NOBODY, artist_keys, song_key


def keys(artist: str) -> list[int]:
    found = artist_keys(tf.constant([artist]))
    assert found.shape == (1, CREDITED)
    return [int(key) for key in found[0] if key != NOBODY]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Beyoncé", "BEYONCE"),
        ("The Beatles", "Beatles"),
        ("Guns N' Roses", "Guns N Roses"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Karol G & Nicki Minaj", "Karol G, Nicki Minaj"),
        ("Jay-Z feat. Alicia Keys", "Jay-Z (ft. Alicia Keys)"),
    ],
)
def test_spellings_of_the_same_artists(ours: str, theirs: str) -> None:
    assert keys(ours) == keys(theirs)


def test_every_credited_artist_has_a_key() -> None:
    assert keys("Jay-Z feat. Alicia Keys") == [*keys("Jay-Z"), *keys("Alicia Keys")]
    assert len(keys("A, B, C, D, E")) == CREDITED


def test_different_artists_differ_and_signs_are_a_name() -> None:
    assert len({*keys("Heart"), *keys("Hearts"), *keys("!!!"), *keys("周杰倫")}) == 4
    assert keys("") == keys("  ") == []


def test_versions_of_a_song_share_a_key() -> None:
    titles = ["Dreams", "Dreams - 2004 Remaster", "DREAMS (Live)", "Dream On", "Dreams", "???", "!"]
    artists = ["Fleetwood Mac"] * 4 + ["The Cranberries"] + ["Fleetwood Mac"] * 2
    found = song_key(artist_keys(tf.constant(artists)), tf.constant(titles)).numpy()
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 5


def test_keys_are_the_same_inside_a_graph() -> None:
    artists = ["Simon & Garfunkel", "", "Beyoncé"]
    dataset = tf.data.Dataset.from_tensor_slices(artists).batch(3).map(artist_keys)
    assert (next(iter(dataset)) == artist_keys(tf.constant(artists))).numpy().all()
