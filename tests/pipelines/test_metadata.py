"""Artist, title and year as the inputs of the metadata encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.discographies import Discographies
from pipelines.errors import InputError
from pipelines.hiding import thin_out
from pipelines.metadata import MetadataReader
from pipelines.tokens import MetadataTokenizer, learn_vocabulary
from songpop_tf.config import HidingConfig

TABLE = pd.DataFrame(
    [
        ("Fleetwood Mac", "Dreams", 1977, 80.0, 0),
        ("Fleetwood Mac", "Go Your Own Way", 1976, 85.0, 0),
        ("Beyoncé", "Halo", 2008, 82.0, 1),
        ("Nobody", "", 0, 5.0, 1),
    ]
    * 16,
    columns=["artist", "title", "year", "popularity", "in_large"],
)
NOTHING = HidingConfig(artists=0, names=0, titles=0, years=0, word_pieces=0, other_songs=0)
SEED = tf.constant([3, 4], tf.int64)


@pytest.fixture(scope="module")
def reader() -> MetadataReader:
    tokenizer = MetadataTokenizer(learn_vocabulary(TABLE, 300), tokens=12)
    return MetadataReader(tokenizer, Discographies.of(TABLE))


def everything_hidden(reader: MetadataReader) -> dict[str, tf.Tensor]:
    everything = replace(NOTHING, artists=1, titles=1, years=1)
    return reader.inputs(reader.encode_table(TABLE), everything, SEED)


def test_tokens_are_cut_to_the_longest_text_of_a_batch(reader: MetadataReader) -> None:
    inputs = reader(tf.constant(["Fleetwood Mac", ""]), tf.constant(["", ""]), [1977, 0])
    assert inputs["artist"].shape == (2, 4)
    assert inputs["title"].shape == (2, 2)
    assert inputs["artists"].numpy().tolist() == [1, 0]
    assert inputs["trend"].shape == (2,)


def test_years_beyond_the_training_songs_are_read_as_the_nearest_known(
    reader: MetadataReader,
) -> None:
    nothing = tf.constant([""] * 4)
    inputs = reader(nothing, nothing, [2031, 2008, 1950, 0])
    assert inputs["year"].numpy().tolist() == [2008, 2008, 1976, 0]


def test_no_year_of_64_bits_wraps_around(reader: MetadataReader) -> None:
    nothing = tf.constant([""] * 4)
    years = tf.constant([2**32, 2**32 + 1977, -(2**63), 2**63 - 1], tf.int64)
    assert reader(nothing, nothing, years)["year"].numpy().tolist() == [2008, 2008, 1976, 2008]


def test_a_table_is_encoded_as_row_by_row(reader: MetadataReader) -> None:
    encoded = reader.encode_table(TABLE)
    eager = reader.encode(
        tf.constant(TABLE.artist.tolist()), tf.constant(TABLE.title.tolist()), TABLE.year.to_numpy()
    )
    assert set(encoded) == set(eager)
    for key in set(encoded) - {"in_large"}:
        np.testing.assert_array_equal(encoded[key], eager[key])
    np.testing.assert_array_equal(encoded["in_large"], TABLE.in_large)


def test_what_is_hidden_looks_like_what_was_never_known(reader: MetadataReader) -> None:
    hidden = everything_hidden(reader)
    size = len(TABLE)
    unknown = reader(tf.constant([""] * size), tf.constant([""] * size), np.zeros(size, int))
    for key in ("artist", "title", "year", "artists", "other_songs"):
        np.testing.assert_array_equal(hidden[key], unknown[key])
    of_small_set = TABLE.in_large.to_numpy() == 0
    np.testing.assert_array_equal(hidden["trend"][of_small_set], unknown["trend"][of_small_set])


def test_a_hidden_name_leaves_what_the_artist_did(reader: MetadataReader) -> None:
    encoded = reader.encode_table(TABLE)
    hidden = reader.inputs(encoded, replace(NOTHING, names=1), SEED)
    assert not (hidden["artist"].numpy() > 0).any()
    np.testing.assert_array_equal(hidden["artists"], reader.inputs(encoded)["artists"])
    assert hidden["other_songs"].numpy()[0].any()


def test_a_song_without_title_is_not_looked_up_by_its_year(reader: MetadataReader) -> None:
    asked = tf.constant(["Fleetwood Mac"] * 3)
    songs = reader(asked, tf.constant(["", "Dreams", ""]), [1977, 1977, 0])["other_songs"].numpy()
    shown = (songs[:, :, 0] > 0).sum(axis=1)
    # 16 rows of each of two songs: of the same year none are shown, where no title tells more.
    assert shown.tolist() == [16, 16, 32]


def test_nothing_hidden_but_other_songs_thinned(reader: MetadataReader) -> None:
    encoded = reader.encode_table(TABLE)
    plain, shown = reader.inputs(encoded), reader.inputs(encoded, NOTHING, SEED)
    for key in set(plain) - {"other_songs"}:
        np.testing.assert_array_equal(shown[key], plain[key])


def test_word_pieces_are_hidden_by_share_and_repeatably(reader: MetadataReader) -> None:
    some = replace(NOTHING, word_pieces=0.4)
    encoded = reader.encode_table(pd.concat([TABLE] * 20))
    once, again = (reader.inputs(encoded, some, SEED)["artist"] for _ in range(2))
    np.testing.assert_array_equal(once, again)
    there = reader.inputs(encoded)["artist"].numpy() > 0
    assert 0.35 < (once.numpy()[there] == 0).mean() < 0.45
    other = reader.inputs(encoded, some, SEED + 1)["artist"]
    assert (other.numpy() != once.numpy()).any()


def test_other_songs_of_some_artists_vanish_and_of_others_up_to_half() -> None:
    songs = tf.ones((4000, 8, 5))
    kept = thin_out(songs, HidingConfig(other_songs=0.4), SEED).numpy()[:, :, 0].mean(axis=1)
    assert 0.37 < (kept == 0).mean() < 0.43
    assert 0.70 < kept[kept > 0].mean() < 0.80


def test_features_of_a_frozen_encoder_are_hidden_too(reader: MetadataReader) -> None:
    features = tf.ones((len(TABLE), 6))
    encoded = {**reader.encode_table(TABLE), "artist": features, "title": features}
    hiding = replace(NOTHING, names=1, word_pieces=0.9)
    inputs = reader.inputs(encoded, hiding, SEED)
    assert not inputs["artist"].numpy().any()
    assert inputs["title"].numpy().all()


def test_hiding_and_its_seed_come_together(reader: MetadataReader) -> None:
    with pytest.raises(ValueError, match="needs a seed"):
        reader.inputs(reader.encode_table(TABLE), NOTHING)


def test_save_and_load(reader: MetadataReader, tmp_path: Path) -> None:
    reader.save(tmp_path)
    assert MetadataReader.is_stored(tmp_path)
    encoded = reader.encode_table(TABLE)
    loaded = MetadataReader.load(tmp_path).inputs(encoded)
    for key, value in reader.inputs(encoded).items():
        np.testing.assert_array_equal(loaded[key], value)
    (tmp_path / "artists.npz").unlink()
    with pytest.raises(InputError, match="artists.npz"):
        MetadataReader.load(tmp_path)
