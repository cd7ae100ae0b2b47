"""Artist embeddings for TensorBoard's Projector."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary
from songpop_tf.models import metadata_encoder
from songpop_tf.models.popularity_output import FEATURES, feature_extractor
from songpop_tf.training.callbacks import ArtistProjector
from songpop_tf.training.callbacks.projector import most_frequent_artists
from tests.conftest import TINY
from tests.songpop_tf.training.callbacks.stage import songs


def write_projector(directory: Path) -> tuple[MetadataPreprocessor, keras.Model]:
    """Write the files of an untrained encoder; what they were made with."""
    table = songs()
    tokenizer = MetadataTokenizer(train_vocabulary(table, 300), TINY.metadata.tokens)
    preprocessor = MetadataPreprocessor(tokenizer, ArtistHistory.from_table(table))
    encoder = metadata_encoder(len(tokenizer.vocabulary), TINY.metadata)
    callback = ArtistProjector(directory, table, preprocessor)
    callback.set_model(encoder)
    callback.on_train_end()
    return preprocessor, encoder


def test_projector_files_hold_the_encoder_s_features(tmp_path: Path) -> None:
    preprocessor, encoder = write_projector(tmp_path)
    table = pd.read_csv(tmp_path / "metadata.tsv", sep="\t")
    assert table.columns.tolist() == ["artist", "songs", "mean popularity", "median year"]
    assert table.artist.tolist() == [f"Artist {number}" for number in range(5)]
    assert table.songs.tolist() == [5, 5, 5, 5, 4]
    tensor = np.loadtxt(tmp_path / "tensor.tsv", delimiter="\t")
    assert tensor.shape == (5, TINY.metadata.features)
    inputs = preprocessor(tf.constant(table.artist.tolist()), tf.fill([5], ""), tf.fill([5], 0))
    expected = feature_extractor(encoder, FEATURES)(inputs)[FEATURES]
    np.testing.assert_allclose(tensor, expected, rtol=1e-3, atol=1e-4)


def test_artists_are_sorted_by_their_number_of_songs() -> None:
    table = pd.DataFrame(
        {
            "artist": ["B", "A", "A", "", "C"],
            "popularity": [10.0, 20.0, 40.0, 90.0, 50.0],
            "year": [1990, 0, 1980, 2000, 0],
        }
    )
    artists = most_frequent_artists(table)
    assert artists.artist.tolist() == ["A", "B", "C"]
    assert artists["mean popularity"].tolist() == [30.0, 10.0, 50.0]
    assert artists["median year"].tolist()[:2] == [1980, 1990]
    assert np.isnan(artists["median year"].iloc[2]), "none of its songs has a year"
