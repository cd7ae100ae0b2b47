"""A short training stage with all its logs, for the tests of callbacks."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, TensorEvent

from songpop_tf.config import FitConfig
from songpop_tf.console import Console
from songpop_tf.training.callbacks import Checkpoint, ConsoleLog, History, TensorBoardLog
from songpop_tf.training.fit import fit
from tests.conftest import SilentConsole

SONGS, BATCH_SIZE, EPOCHS = 24, 8, 7
IMAGE_EPOCHS = [1, 5, 7]
CONFIG = FitConfig(learning_rate=0.01, epochs=EPOCHS, batch_size=BATCH_SIZE, patience=EPOCHS)
SCALARS = {
    "training": {
        "mse": "loss",
        "learning_rate": "learning_rate",
        "songs_per_second": "songs_per_second",
    },
    "validation": {"mse": "val_loss", "mae": "val_mae"},
}
IMAGES = {
    "training": ["spectrograms"],
    "validation": ["predictions/against_true", "predictions/error_by_decade"],
}


def songs() -> pd.DataFrame:
    """Five artists with four or five songs each."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "artist": [f"Artist {number % 5}" for number in range(SONGS)],
            "title": [f"Song {number}" for number in range(SONGS)],
            "year": random.integers(1960, 2020, SONGS) * (random.uniform(size=SONGS) > 0.1),
            "popularity": random.uniform(0, 100, SONGS).round(),
            "is_pretraining": 0,
        }
    )


def examples(*, auxiliary: bool = False) -> tf.data.Dataset:
    """Batches of small spectrograms and popularity, or a dictionary of targets."""
    popularity = songs().popularity.to_numpy("float32")
    images = np.random.default_rng(1).uniform(0, 255, (SONGS, 16, 32)).astype("float32")
    targets = {"popularity": popularity, "audio_features": np.zeros((SONGS, 2), "float32")}
    inputs = {"spectrogram": images, "columns": np.full(SONGS, 3000)}
    rows = (inputs, targets if auxiliary else popularity)
    return tf.data.Dataset.from_tensor_slices(rows).batch(BATCH_SIZE)


def small_model(*, auxiliary: bool = False) -> keras.Model:
    """A linear model of the spectrogram, maybe with an auxiliary output."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 32), name="spectrogram")
    columns = keras.Input((), name="columns")
    pixels = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    features = keras.layers.Concatenate()([pixels, keras.layers.Reshape((1,))(columns / 3000)])
    popularity = keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(50.0))(features)
    outputs = {"popularity": popularity, "audio_features": keras.layers.Dense(2)(features)}
    inputs = {"spectrogram": image, "columns": columns}
    return keras.Model(inputs, outputs if auxiliary else popularity)


def train_stage(
    directory: Path,
    stage: str = "cnn",
    *,
    auxiliary: bool = False,
    histograms: bool = False,
    console: Console | None = None,
) -> History:
    """Fit a small model; logs are in ``directory / "tensorboard"``."""
    rows = examples(auxiliary=auxiliary)
    checkpoint = Checkpoint(directory / "fit.npz", patience=CONFIG.patience)
    steps = SONGS // BATCH_SIZE
    train = rows.repeat().skip(checkpoint.completed_epochs * steps)
    return fit(
        small_model(auxiliary=auxiliary),
        train,
        rows,
        stage=stage,
        config=CONFIG,
        steps_per_epoch=steps,
        checkpoint=checkpoint,
        callbacks=[
            ConsoleLog(console or SilentConsole(), stage),
            TensorBoardLog(
                directory / "tensorboard" / stage,
                train=train,
                validation=rows,
                validation_table=songs(),
                title=stage,
                histograms=histograms,
            ),
        ],
        loss_weights={"audio_features": 1.0},
    )


def load_events(run: Path) -> EventAccumulator:
    """All events of a TensorBoard run."""
    return EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()


def tensor_events(run: Path, tag: str) -> list[TensorEvent]:
    """Events in the order of writing: files begun in the same second may be read in another."""
    return sorted(load_events(run).Tensors(tag), key=lambda event: event.wall_time)


def scalars(run: Path, tag: str) -> dict[int, float]:
    """Values by step; fails on a step that was written twice or out of order."""
    events = tensor_events(run, tag)
    steps = [event.step for event in events]
    assert sorted(set(steps)) == steps
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events}


def images(run: Path, tag: str) -> dict[int, np.ndarray]:
    """The image of each step, as TensorBoard serves it."""
    by_step = {}
    for event in tensor_events(run, tag):
        width, height, png = tf.make_ndarray(event.tensor_proto)
        by_step[event.step] = tf.io.decode_png(png).numpy()
        assert by_step[event.step].shape == (int(height), int(width), 3)
    return by_step
