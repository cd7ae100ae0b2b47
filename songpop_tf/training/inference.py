"""Predictions of a configuration for the songs of a split."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.constants import UNKNOWN_YEAR
from pipelines.datasets import metadata_dataset, spectrogram_dataset
from pipelines.metadata.known_fields import (
    FIELDS,
    MISSINGNESS_PATTERNS,
    PATTERNS_WITH_ARTIST,
    pattern_id,
)
from pipelines.metadata.masking import Tensors
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.prepared_data import PreparedData
from songpop_tf.array_types import Vector
from songpop_tf.models.fusion_model import HEAD_LAYER, split_branches
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import Covariates
from songpop_tf.training.run import Run

_TEXT_BATCH_SIZE, _SPECTROGRAM_BATCH_SIZE = 256, 32

_Array = npt.NDArray[np.float64]


def predict_split(
    configuration: Configuration, model: keras.Model, run: Run, data: PreparedData, split: str
) -> Vector:
    """Predict the songs of a split with all fields known, ``(songs,)`` in the order of the split.

    Args:
        configuration: of ``model``.
        model: a trained model.
        run: holds the preprocessor of a model that reads metadata.
        data: holds the songs.
        split: "train", "validation" or "test".
    """
    popularity: Vector = _predict(configuration, model, run, data, split, (FIELDS,))[0]
    return popularity


def predict_patterns(
    configuration: Configuration, model: keras.Model, run: Run, data: PreparedData, split: str
) -> _Array:
    """As `predict_split`, for each pattern of known fields.

    Returns:
        ``(8, songs)`` in the order of ``MISSINGNESS_PATTERNS``.
    """
    if configuration.reads_metadata:
        return _predict(configuration, model, run, data, split, MISSINGNESS_PATTERNS)
    popularity = predict_split(configuration, model, run, data, split)
    return np.tile(popularity, (len(MISSINGNESS_PATTERNS), 1))


def predict_with_and_without_history(
    configuration: Configuration, model: keras.Model, run: Run, data: PreparedData, split: str
) -> tuple[_Array, _Array]:
    """`predict_patterns` for a model that reads metadata, and with the artists' history masked.

    Returns:
        ``(8, songs)`` in the order of ``MISSINGNESS_PATTERNS``, and ``(4, songs)`` in that of
        ``PATTERNS_WITH_ARTIST``: without an artist there is no history.
    """
    metadata, with_artist = (
        _metadata_dataset(configuration, run, data, split, patterns)
        for patterns in (MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST)
    )
    metadata = metadata.concatenate(with_artist.map(without_history))
    popularity = _predict_metadata(configuration, model, data, split, metadata)
    patterns = len(MISSINGNESS_PATTERNS)
    return popularity[:patterns], popularity[patterns:]


def without_history(inputs: Tensors, popularity: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
    """Mask the artists' history in a batch of a dataset."""
    return {**inputs, "history": tf.zeros_like(inputs["history"])}, popularity


def read_covariates(songs: pd.DataFrame, preprocessor: MetadataPreprocessor | None) -> Covariates:
    """What the prediction intervals of songs depend on, for each pattern of known fields.

    Args:
        songs: columns artist, title, year, popularity and is_pretraining.
        preprocessor: of the model; None if it reads no metadata.

    Returns:
        NumPy arrays, each ``(8, songs)`` in the order of ``MISSINGNESS_PATTERNS``. Further fields
        may be unknown in the songs themselves.
    """
    batches = list(_covariate_batches(songs, preprocessor))

    def concatenate(name: str) -> npt.NDArray[Any]:
        columns = [getattr(batch, name).numpy() for batch in batches]
        return np.concatenate(columns).reshape(len(MISSINGNESS_PATTERNS), -1)

    return Covariates(*(concatenate(name) for name in ("pattern", "year", "has_history")))


def _covariate_batches(
    songs: pd.DataFrame, preprocessor: MetadataPreprocessor | None
) -> Iterator[Covariates]:
    table = _table_of_patterns(songs, MISSINGNESS_PATTERNS)
    pattern = pattern_id(*(tf.constant(table[field].to_numpy()) for field in FIELDS))
    if preprocessor is None:
        yield Covariates.from_inputs({}, pattern)
        return
    batches = metadata_dataset(table, preprocessor, _TEXT_BATCH_SIZE)
    patterns = tf.data.Dataset.from_tensor_slices(pattern).batch(_TEXT_BATCH_SIZE)
    for (inputs, _), pattern_of_batch in tf.data.Dataset.zip(batches, patterns):
        yield Covariates.from_inputs(inputs, pattern_of_batch)


def run_covariates(configuration: Configuration, run: Run, songs: pd.DataFrame) -> Covariates:
    """`read_covariates` for a model of a run."""
    preprocessor = run.load_preprocessor(configuration) if configuration.reads_metadata else None
    return read_covariates(songs, preprocessor)


def drop_fields(songs: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """Make all of artist, title and year unknown that ``known`` does not name."""
    unknown = [field for field in FIELDS if field not in known]
    return songs.assign(**{field: UNKNOWN_YEAR if field == "year" else "" for field in unknown})


def _table_of_patterns(songs: pd.DataFrame, patterns: Sequence[Collection[str]]) -> pd.DataFrame:
    """The songs once for each pattern of known fields."""
    return pd.concat([drop_fields(songs, known) for known in patterns], ignore_index=True)


def _predict(
    configuration: Configuration,
    model: keras.Model,
    run: Run,
    data: PreparedData,
    split: str,
    patterns: Sequence[Collection[str]],
) -> _Array:
    """Predictions ``(patterns, songs)``; a model without metadata has one row only."""
    if not configuration.reads_metadata:
        return _popularity(model, _spectrograms(data, split))[np.newaxis]
    metadata = _metadata_dataset(configuration, run, data, split, patterns)
    return _predict_metadata(configuration, model, data, split, metadata)


def _predict_metadata(
    configuration: Configuration,
    model: keras.Model,
    data: PreparedData,
    split: str,
    metadata: tf.data.Dataset,
) -> _Array:
    """Predictions ``(passes, songs)`` of a model that reads metadata.

    Args:
        metadata: passes over the songs of the split, each in their order.
    """
    songs = len(data.songs_of(split))
    if not configuration.reads_spectrogram:
        return _popularity(model, metadata).reshape(-1, songs)
    # Whichever fields are known, the spectrograms are the same: the CNN reads them once.
    audio_branch, text_branch = split_branches(model)
    audio_features = audio_branch.predict(_spectrograms(data, split), verbose=0)
    features = text_branch.predict(metadata, verbose=0)
    passes = len(features["metadata_logit"]) // songs
    for name, values in audio_features.items():
        features[name] = np.tile(values, (passes, 1))
    predicted = model.get_layer(HEAD_LAYER)(features, training=False)
    popularity: _Array = keras.ops.convert_to_numpy(predicted).astype("float64")
    return popularity.reshape(passes, songs)


def _popularity(model: keras.Model, dataset: tf.data.Dataset) -> _Array:
    popularity: _Array = model.predict(dataset, verbose=0)[:, 0].astype("float64")
    return popularity


def _spectrograms(data: PreparedData, split: str) -> tf.data.Dataset:
    return spectrogram_dataset(data.shards_of(split), _SPECTROGRAM_BATCH_SIZE)


def _metadata_dataset(
    configuration: Configuration,
    run: Run,
    data: PreparedData,
    split: str,
    patterns: Sequence[Collection[str]],
) -> tf.data.Dataset:
    """The songs of a split once for each pattern of known fields."""
    table = _table_of_patterns(data.songs_of(split), patterns)
    return metadata_dataset(table, run.load_preprocessor(configuration), _TEXT_BATCH_SIZE)
