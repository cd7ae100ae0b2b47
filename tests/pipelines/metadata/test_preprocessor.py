"""Artist, title and year to the inputs of the metadata encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipelines.config import MaskingConfig
from pipelines.errors import InputError
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary

TABLE = pd.DataFrame(
    [
        ("Fleetwood Mac", "Dreams", 1977, 80.0, 0),
        ("Fleetwood Mac", "Go Your Own Way", 1976, 85.0, 0),
        ("Beyoncé", "Halo", 2008, 82.0, 1),
        ("Nobody", "", 0, 5.0, 1),
    ]
    * 16,
    columns=["artist", "title", "year", "popularity", "is_pretraining"],
)
NO_MASKING = MaskingConfig(
    artist_rate=0, artist_name_rate=0, title_rate=0, year_rate=0, token_dropout=0, history_rate=0
)
SEED = tf.constant([3, 4], tf.int64)


@pytest.fixture(scope="module")
def preprocessor() -> MetadataPreprocessor:
    tokenizer = MetadataTokenizer(train_vocabulary(TABLE, 300), tokens=12)
    return MetadataPreprocessor(tokenizer, ArtistHistory.from_table(TABLE))


def test_tokens_are_truncated_to_the_longest_text_of_a_batch(
    preprocessor: MetadataPreprocessor,
) -> None:
    inputs = preprocessor(tf.constant(["Fleetwood Mac", ""]), tf.constant(["", ""]), [1977, 0])
    assert inputs["artist"].shape == (2, 4)
    assert inputs["title"].shape == (2, 2)
    assert inputs["artist_count"].numpy().tolist() == [1, 0]
    assert inputs["year_baseline"].shape == (2,)


def test_years_are_clipped_to_those_of_the_training_songs(
    preprocessor: MetadataPreprocessor,
) -> None:
    blank = tf.constant([""] * 4)
    inputs = preprocessor(blank, blank, [2031, 2008, 1950, 0])
    assert inputs["year"].numpy().tolist() == [2008, 2008, 1976, 0]


def test_64_bit_years_do_not_overflow(preprocessor: MetadataPreprocessor) -> None:
    blank = tf.constant([""] * 4)
    years = tf.constant([2**32, 2**32 + 1977, -(2**63), 2**63 - 1], tf.int64)
    clipped = preprocessor(blank, blank, years)["year"].numpy().tolist()
    assert clipped == [2008, 2008, 1976, 2008]


def test_table_is_tokenized_like_a_batch(preprocessor: MetadataPreprocessor) -> None:
    columns = preprocessor.tokenize_table(TABLE)
    batch = preprocessor.tokenize(
        tf.constant(TABLE.artist.tolist()), tf.constant(TABLE.title.tolist()), TABLE.year.to_numpy()
    )
    assert set(columns) == set(batch)
    for key in set(columns) - {"is_pretraining"}:
        np.testing.assert_array_equal(columns[key], batch[key])
    np.testing.assert_array_equal(columns["is_pretraining"], TABLE.is_pretraining)


def test_masked_fields_equal_unknown_fields(preprocessor: MetadataPreprocessor) -> None:
    mask_all = replace(NO_MASKING, artist_rate=1, title_rate=1, year_rate=1)
    masked = preprocessor.to_model_inputs(preprocessor.tokenize_table(TABLE), mask_all, SEED)
    blank = tf.constant([""] * len(TABLE))
    unknown = preprocessor(blank, blank, np.zeros(len(TABLE), int))
    for key in ("artist", "title", "year", "artist_count", "history"):
        np.testing.assert_array_equal(masked[key], unknown[key])
    # A prediction always uses the baseline of the training songs.
    is_training = TABLE.is_pretraining.to_numpy() == 0
    np.testing.assert_array_equal(
        masked["year_baseline"][is_training], unknown["year_baseline"][is_training]
    )


def test_masked_artist_name_keeps_the_history(preprocessor: MetadataPreprocessor) -> None:
    encoded = preprocessor.tokenize_table(TABLE)
    masked = preprocessor.to_model_inputs(encoded, replace(NO_MASKING, artist_name_rate=1), SEED)
    assert not (masked["artist"].numpy() > 0).any()
    np.testing.assert_array_equal(
        masked["artist_count"], preprocessor.to_model_inputs(encoded)["artist_count"]
    )
    assert masked["history"].numpy()[0].any()


def test_history_of_a_song_without_title_excludes_its_year(
    preprocessor: MetadataPreprocessor,
) -> None:
    artists = tf.constant(["Fleetwood Mac"] * 3)
    inputs = preprocessor(artists, tf.constant(["", "Dreams", ""]), [1977, 1977, 0])
    history_sizes = (inputs["history"].numpy()[:, :, 0] > 0).sum(axis=1)
    # 16 rows of each of two songs. Without a title both the song of that year and its copies are
    # excluded; without a year too, nothing is.
    assert history_sizes.tolist() == [16, 16, 32]


def test_without_masking_only_the_history_is_sampled(preprocessor: MetadataPreprocessor) -> None:
    encoded = preprocessor.tokenize_table(TABLE)
    plain = preprocessor.to_model_inputs(encoded)
    masked = preprocessor.to_model_inputs(encoded, NO_MASKING, SEED)
    for key in set(plain) - {"history"}:
        np.testing.assert_array_equal(masked[key], plain[key])


def test_token_dropout_has_its_rate_and_depends_only_on_the_seed(
    preprocessor: MetadataPreprocessor,
) -> None:
    config = replace(NO_MASKING, token_dropout=0.4)
    encoded = preprocessor.tokenize_table(pd.concat([TABLE] * 20))
    first, again = (
        preprocessor.to_model_inputs(encoded, config, SEED)["artist"].numpy() for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    is_token = preprocessor.to_model_inputs(encoded)["artist"].numpy() > 0
    assert 0.35 < (first[is_token] == 0).mean() < 0.45
    other = preprocessor.to_model_inputs(encoded, config, SEED + 1)["artist"].numpy()
    assert (other != first).any()


def test_features_of_a_frozen_encoder_are_masked_too(preprocessor: MetadataPreprocessor) -> None:
    features = tf.ones((len(TABLE), 6))
    encoded = {**preprocessor.tokenize_table(TABLE), "artist": features, "title": features}
    masking = replace(NO_MASKING, artist_name_rate=1, token_dropout=0.9)
    inputs = preprocessor.to_model_inputs(encoded, masking, SEED)
    assert not inputs["artist"].numpy().any()
    assert inputs["title"].numpy().all()


def test_masking_requires_a_seed_and_a_seed_masking(preprocessor: MetadataPreprocessor) -> None:
    encoded = preprocessor.tokenize_table(TABLE)
    with pytest.raises(ValueError, match="received only masking"):
        preprocessor.to_model_inputs(encoded, NO_MASKING)
    with pytest.raises(ValueError, match="received only seed"):
        preprocessor.to_model_inputs(encoded, seed=SEED)


def test_save_and_load(preprocessor: MetadataPreprocessor, tmp_path: Path) -> None:
    preprocessor.save(tmp_path)
    assert MetadataPreprocessor.is_saved(tmp_path)
    encoded = preprocessor.tokenize_table(TABLE)
    loaded = MetadataPreprocessor.load(tmp_path).to_model_inputs(encoded)
    for key, value in preprocessor.to_model_inputs(encoded).items():
        np.testing.assert_array_equal(loaded[key], value)
    (tmp_path / "artists.npz").unlink()
    with pytest.raises(InputError, match="artists.npz"):
        MetadataPreprocessor.load(tmp_path)
