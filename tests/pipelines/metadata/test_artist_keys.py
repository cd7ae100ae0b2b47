"""Keys of artists and songs."""

import pytest
import tensorflow as tf

from pipelines.metadata.artist_keys import MAX_ARTISTS, NO_ARTIST, artist_keys, song_key


def keys_of(artist: str) -> list[int]:
    keys = artist_keys(tf.constant([artist]))
    assert keys.shape == (1, MAX_ARTISTS)
    return [int(key) for key in keys[0] if key != NO_ARTIST]


@pytest.mark.parametrize(
    ("artist", "variant"),
    [
        ("Beyoncé", "BEYONCE"),
        ("The Beatles", "Beatles"),
        ("Guns N' Roses", "Guns N Roses"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Karol G & Nicki Minaj", "Karol G, Nicki Minaj"),
        ("Jay-Z feat. Alicia Keys", "Jay-Z (ft. Alicia Keys)"),
    ],
)
def test_spelling_variants_have_the_same_keys(artist: str, variant: str) -> None:
    assert keys_of(artist) == keys_of(variant)


def test_each_credited_artist_has_a_key() -> None:
    assert keys_of("Jay-Z feat. Alicia Keys") == [*keys_of("Jay-Z"), *keys_of("Alicia Keys")]
    assert len(keys_of("A, B, C, D, E")) == MAX_ARTISTS


def test_different_artists_have_different_keys_even_without_letters() -> None:
    names = ("Heart", "Hearts", "!!!", "周杰倫")
    assert len({key for name in names for key in keys_of(name)}) == 4
    assert keys_of("") == keys_of("  ") == []


def test_versions_of_a_song_share_a_key() -> None:
    titles = ["Dreams", "Dreams - 2004 Remaster", "DREAMS (Live)", "Dream On", "Dreams", "???", "!"]
    artists = ["Fleetwood Mac"] * 4 + ["The Cranberries"] + ["Fleetwood Mac"] * 2
    keys = song_key(artist_keys(tf.constant(artists)), tf.constant(titles)).numpy()
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 5


def test_same_keys_eagerly_and_inside_a_dataset() -> None:
    artists = ["Simon & Garfunkel", "", "Beyoncé"]
    dataset = tf.data.Dataset.from_tensor_slices(artists).batch(3).map(artist_keys)
    assert (next(iter(dataset)) == artist_keys(tf.constant(artists))).numpy().all()
