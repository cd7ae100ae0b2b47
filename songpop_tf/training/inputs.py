"""What each configuration reads of a song."""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.kaggle import UNKNOWN_YEAR
from pipelines.prepared import PreparedData
from songpop_tf.training.run import Run

_TEXT_BATCH, _IMAGE_BATCH = 256, 32


def reads_words(name: str) -> bool:
    """Whether a configuration reads artist, title and year."""
    return not name.startswith("cnn")


def predict_split(
    name: str,
    model: keras.Model,
    run: Run,
    data: PreparedData,
    split: str,
    unknown: Sequence[str] = (),
) -> npt.NDArray[np.float64]:
    """Predict the songs of a split with a configuration's model, in the order of ``songs_of``.

    Args:
        unknown: those of ``WORDS`` that every song is read without.
    """
    prediction = model.predict(_songs(name, run, data, split, unknown), verbose=0)
    popularity: npt.NDArray[np.float64] = prediction[:, 0].astype("float64")
    return popularity


def without(songs: pd.DataFrame, unknown: Sequence[str]) -> pd.DataFrame:
    """The same songs as if nobody knew these words of them."""
    return songs.assign(**{word: UNKNOWN_YEAR if word == "year" else "" for word in unknown})


def _songs(
    name: str, run: Run, data: PreparedData, split: str, unknown: Sequence[str]
) -> tf.data.Dataset:
    if not reads_words(name):
        return spectrogram_dataset(data.shards_of(split), _IMAGE_BATCH)
    reader = run.load_reader(name)
    if name.startswith("text"):
        return metadata_dataset(without(data.songs_of(split), unknown), reader, _TEXT_BATCH)
    return fused_dataset(data.shards_of(split), reader, _IMAGE_BATCH, unknown=unknown)
