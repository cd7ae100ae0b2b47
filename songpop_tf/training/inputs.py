"""What each configuration reads of a song."""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.prepared import PreparedData
from songpop_tf.training.run import Run

_TEXT_BATCH, _IMAGE_BATCH = 256, 32


def predict_split(
    name: str, model: keras.Model, run: Run, data: PreparedData, split: str
) -> npt.NDArray[np.float64]:
    """Predict the songs of a split with a configuration's model, in the order of ``songs_of``."""
    prediction = model.predict(_songs(name, run, data, split), verbose=0)
    popularity: npt.NDArray[np.float64] = prediction[:, 0].astype("float64")
    return popularity


def _songs(name: str, run: Run, data: PreparedData, split: str) -> tf.data.Dataset:
    if name.startswith("cnn"):
        return spectrogram_dataset(data.shards_of(split), _IMAGE_BATCH)
    reader = run.load_reader(name)
    if name.startswith("text"):
        return metadata_dataset(data.songs_of(split), reader, _TEXT_BATCH)
    return fused_dataset(data.shards_of(split), reader, _IMAGE_BATCH)
