"""Random masking of metadata."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from pipelines.config import MaskingConfig
from pipelines.metadata.artist_keys import NO_ARTIST
from pipelines.metadata.masking import (
    Tensors,
    is_present,
    mask_fields,
    mask_history,
    random_sampling_offset,
)

NO_MASKING = MaskingConfig(
    artist_rate=0, artist_name_rate=0, title_rate=0, year_rate=0, token_dropout=0, history_rate=0
)
SEED = tf.constant([3, 4], tf.int64)
SIZE = 2000


def encoded_songs() -> Tensors:
    """Return songs with 4 tokens of text and 2 of padding."""
    tokens = tf.constant([[2, 5, 6, 3, 0, 0]] * SIZE)
    return {
        "artist": tokens,
        "title": tokens,
        "year": tf.fill([SIZE], 1999),
        "artist_keys": tf.constant([[11, 12, 0]] * SIZE, tf.int64),
        "song_key": tf.range(SIZE, dtype=tf.int64),
    }


def test_without_probabilities_nothing_is_masked() -> None:
    songs = encoded_songs()
    masked = mask_fields(songs, NO_MASKING, SEED)
    assert set(masked) == set(songs)
    for key, value in songs.items():
        np.testing.assert_array_equal(masked[key], value)


def test_each_field_is_masked_with_its_probability() -> None:
    config = replace(NO_MASKING, artist_rate=0.2, title_rate=0.3, year_rate=0.4)
    masked = mask_fields(encoded_songs(), config, SEED)
    without_artist = (masked["artist_keys"].numpy() == NO_ARTIST).all(axis=1)
    np.testing.assert_array_equal(without_artist, ~is_present(masked["artist"]).numpy())
    assert 0.17 < without_artist.mean() < 0.23
    assert 0.27 < (~is_present(masked["title"]).numpy()).mean() < 0.33
    assert 0.37 < (masked["year"].numpy() == 0).mean() < 0.43


def test_masked_name_keeps_the_artist_keys() -> None:
    songs = encoded_songs()
    masked = mask_fields(songs, replace(NO_MASKING, artist_name_rate=1), SEED)
    assert not is_present(masked["artist"]).numpy().any()
    np.testing.assert_array_equal(masked["artist_keys"], songs["artist_keys"])


def test_token_dropout_has_its_rate_and_depends_only_on_the_seed() -> None:
    config = replace(NO_MASKING, token_dropout=0.4)
    songs = encoded_songs()
    first, again = (mask_fields(songs, config, SEED)["artist"].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    is_token = songs["artist"].numpy() > 0
    assert 0.35 < (first[is_token] == 0).mean() < 0.45
    other = mask_fields(songs, config, SEED + 1)["artist"].numpy()
    assert (other != first).any()


def test_artist_and_title_are_masked_independently() -> None:
    masked = mask_fields(encoded_songs(), replace(NO_MASKING, token_dropout=0.4), SEED)
    assert (masked["artist"].numpy() != masked["title"].numpy()).any()


def test_text_features_are_masked_as_a_whole_without_token_dropout() -> None:
    features = tf.ones((SIZE, 6))
    songs = {**encoded_songs(), "artist": features, "title": features}
    masked = mask_fields(songs, replace(NO_MASKING, artist_name_rate=1, token_dropout=0.9), SEED)
    assert not masked["artist"].numpy().any()
    assert masked["title"].numpy().all()


def test_history_of_some_artists_is_masked_and_up_to_half_of_the_others() -> None:
    history = tf.ones((4000, 8, 5))
    masked = mask_history(history, MaskingConfig(history_rate=0.4), SEED).numpy()
    kept = masked[:, :, 0].mean(axis=1)
    assert 0.37 < (kept == 0).mean() < 0.43
    assert 0.70 < kept[kept > 0].mean() < 0.80


def test_sampling_offset_is_uniform_from_0_to_1() -> None:
    offset = random_sampling_offset(tf.constant(SIZE), SEED).numpy()
    assert offset.shape == (SIZE,)
    assert (offset >= 0).all()
    assert (offset < 1).all()
    assert 0.47 < offset.mean() < 0.53


def test_text_is_present_if_any_token_or_feature_is_set() -> None:
    assert is_present(tf.constant([[0, 0], [0, 5]])).numpy().tolist() == [False, True]
    assert is_present(tf.constant([[0.0, 0.0], [0.0, 0.5]])).numpy().tolist() == [False, True]
