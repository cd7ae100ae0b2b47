"""Keys of artists and songs in Python."""

import tensorflow as tf

from pipelines.metadata import artist_keys as reference
from songpop_tf.serving.song_inputs.keys import artist_keys, song_key

ARTISTS = [
    *(
        "Simon & Garfunkel",
        "A, B feat. C",
        "The Beatles",
        "THE THE",
        "A with B vs. C; D",
        "a (and b)",
    ),
    *(
        "Beyoncé",
        "İstanbul",
        "Straße",
        "ſ",
        "Ｆｕｌｌ width",
        "周杰倫",
        "Молчат Дома",
        "방탄소년단",
    ),
    *("!!!", "!!!, A", "", "  ", "\u00a0", "A\nB", "no\u200bbreak", "x" * 100, "é" * 40, "a/b+c"),
]
TITLES = [
    *("Dreams (Live)", "Dreams - 2004 Remaster", "The Song", "(Live)", "???", "", " ", "a\n- b"),
    *(
        "Café [x",
        "´s",
        "e\u0301",
        "1/2",
        "²",
        "Ⅳ",
        "The",
        "x - (y)\n",
        "\u115f",
        "夜曲",
        "a-b",
        "Ø",
    ),
    *("ﬁ", "of the", "The  The", "\t"),
]


def test_keys_equal_those_of_the_tensorflow_graph() -> None:
    expected = reference.artist_keys(tf.constant(ARTISTS))
    keys = [artist_keys(artist) for artist in ARTISTS]
    assert keys == expected.numpy().tolist()
    titles = tf.constant(TITLES)
    songs = [song_key(row[0], title) for row, title in zip(keys, TITLES, strict=True)]
    assert songs == reference.song_key(expected, titles).numpy().tolist()
