"""Predictions of a configuration for the songs of a split."""

from collections.abc import Collection, Sequence

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.constants import UNKNOWN_YEAR
from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepared_data import PreparedData
from songpop_tf.array_types import Vector
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.run import Run

_TEXT_BATCH_SIZE, _SPECTROGRAM_BATCH_SIZE = 256, 32


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
) -> npt.NDArray[np.float64]:
    """As `predict_split`, for each pattern of known fields.

    Returns:
        ``(8, songs)`` in the order of ``MISSINGNESS_PATTERNS``.
    """
    if configuration.reads_metadata:
        return _predict(configuration, model, run, data, split, MISSINGNESS_PATTERNS)
    popularity = predict_split(configuration, model, run, data, split)
    return np.tile(popularity, (len(MISSINGNESS_PATTERNS), 1))


def drop_fields(songs: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """Make all of artist, title and year unknown that ``known`` does not name."""
    unknown = [field for field in FIELDS if field not in known]
    return songs.assign(**{field: UNKNOWN_YEAR if field == "year" else "" for field in unknown})


def _predict(
    configuration: Configuration,
    model: keras.Model,
    run: Run,
    data: PreparedData,
    split: str,
    patterns: Sequence[Collection[str]],
) -> npt.NDArray[np.float64]:
    dataset = _split_dataset(configuration, run, data, split, patterns)
    prediction = model.predict(dataset, verbose=0)
    popularity: npt.NDArray[np.float64] = prediction[:, 0].astype("float64")
    return popularity.reshape(len(patterns), -1)


def _split_dataset(
    configuration: Configuration,
    run: Run,
    data: PreparedData,
    split: str,
    patterns: Sequence[Collection[str]],
) -> tf.data.Dataset:
    """The songs of a split once for each pattern of known fields."""
    if not configuration.reads_metadata:
        return spectrogram_dataset(data.shards_of(split), _SPECTROGRAM_BATCH_SIZE)
    preprocessor = run.load_preprocessor(configuration)
    if not configuration.reads_spectrogram:
        songs = data.songs_of(split)
        table = pd.concat([drop_fields(songs, known) for known in patterns], ignore_index=True)
        return metadata_dataset(table, preprocessor, _TEXT_BATCH_SIZE)
    shards = data.shards_of(split)
    return fused_dataset(shards, preprocessor, _SPECTROGRAM_BATCH_SIZE, patterns=patterns)
