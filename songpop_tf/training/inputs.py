"""What each configuration reads of a song."""

from collections.abc import Collection, Sequence

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.prepared import PreparedData
from pipelines.words import PATTERNS, WORDS
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.training.conformal import Vector
from songpop_tf.training.run import Run

_TEXT_BATCH, _IMAGE_BATCH = 256, 32


def reads_words(name: str) -> bool:
    """Whether a configuration reads artist, title and year."""
    return not name.startswith("cnn")


def predict_split(
    name: str, model: keras.Model, run: Run, data: PreparedData, split: str
) -> Vector:
    """Predict the songs of a split with a configuration's model, in the order of ``songs_of``."""
    popularity: Vector = _predict(name, model, run, data, split, (WORDS,))[0]
    return popularity


def predict_patterns(
    name: str, model: keras.Model, run: Run, data: PreparedData, split: str
) -> npt.NDArray[np.float64]:
    """The same for each choice of words that may be known: ``(8, songs)``, as ``PATTERNS``."""
    if reads_words(name):
        return _predict(name, model, run, data, split, PATTERNS)
    return np.tile(predict_split(name, model, run, data, split), (len(PATTERNS), 1))


def knowing(songs: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """The same songs as if nobody knew more of them than these words."""
    unknown = [word for word in WORDS if word not in known]
    return songs.assign(**{word: UNKNOWN_YEAR if word == "year" else "" for word in unknown})


def _predict(
    name: str,
    model: keras.Model,
    run: Run,
    data: PreparedData,
    split: str,
    known: Sequence[Collection[str]],
) -> npt.NDArray[np.float64]:
    prediction = model.predict(_songs(name, run, data, split, known), verbose=0)
    popularity: npt.NDArray[np.float64] = prediction[:, 0].astype("float64")
    return popularity.reshape(len(known), -1)


def _songs(
    name: str, run: Run, data: PreparedData, split: str, known: Sequence[Collection[str]]
) -> tf.data.Dataset:
    """Pass after pass over the songs of a split, one for each choice of known words."""
    if not reads_words(name):
        return spectrogram_dataset(data.shards_of(split), _IMAGE_BATCH)
    reader = run.load_reader(name)
    if name.startswith("text"):
        songs = data.songs_of(split)
        passes = pd.concat([knowing(songs, words) for words in known], ignore_index=True)
        return metadata_dataset(passes, reader, _TEXT_BATCH)
    return fused_dataset(data.shards_of(split), reader, _IMAGE_BATCH, known=known)
