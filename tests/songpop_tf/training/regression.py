"""A small regression problem for the tests of ``fit`` and its callbacks."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from songpop_tf.config import FitConfig
from songpop_tf.training.callbacks import Checkpoint, ConsoleLog, History
from songpop_tf.training.fit import fit
from tests.conftest import SilentConsole

ROWS, BATCH_SIZE = 64, 16
STEPS = ROWS // BATCH_SIZE
CONFIG = FitConfig(learning_rate=0.05, epochs=6, batch_size=BATCH_SIZE, patience=6)


class RecordingConsole(SilentConsole):
    """A console that records lines and progress; it can raise KeyboardInterrupt at a line."""

    def __init__(self, interrupt_at_line: int | None = None) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self._interrupt_at_line = interrupt_at_line

    def progress(self, label: str, done: int, total: int) -> None:
        self.steps.append((label, done, total))

    def print(self, text: str) -> None:
        self.lines.append(text)
        if len(self.lines) == self._interrupt_at_line:
            raise KeyboardInterrupt


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Inputs ``(64, 3)`` and their linear function ``(64, 1)``."""
    x = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
    return x, (x @ np.array([[3.0], [-2.0], [1.0]])).astype("float32")


def train_dataset(first_epoch: int = 0) -> tf.data.Dataset:
    """Endless batches from an epoch on, shuffled differently in each epoch."""
    rows = tf.data.Dataset.from_tensor_slices(examples()).shuffle(ROWS, seed=1).batch(BATCH_SIZE)
    return rows.repeat().skip(first_epoch * STEPS)


def small_model() -> keras.Model:
    """A model with dropout and batch norm, whose state a checkpoint must hold too."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(inputs))
    outputs = keras.layers.Dense(1)(keras.layers.BatchNormalization()(hidden))
    return keras.Model(inputs, outputs)


def train(
    checkpoint_path: Path,
    console: RecordingConsole | None = None,
    config: FitConfig = CONFIG,
    *,
    callbacks: list[keras.callbacks.Callback] | None = None,
    steps_per_execution: int = 1,
) -> tuple[History, np.ndarray]:
    """Fit a new small model; its history and its predictions of the training inputs."""
    model = small_model()
    checkpoint = Checkpoint(checkpoint_path, patience=config.patience)
    history = fit(
        model,
        train_dataset(checkpoint.completed_epochs),
        tf.data.Dataset.from_tensor_slices(examples()).batch(BATCH_SIZE // 3),
        stage="stage",
        config=config,
        steps_per_epoch=STEPS,
        checkpoint=checkpoint,
        callbacks=[ConsoleLog(console or RecordingConsole(), "stage"), *(callbacks or [])],
        steps_per_execution=steps_per_execution,
    )
    return history, model.predict(examples()[0], verbose=0)


def without_times(history: History) -> History:
    """A history without what depends on the speed of the machine."""
    return [
        {key: value for key, value in entry.items() if key not in ("seconds", "songs_per_second")}
        for entry in history
    ]
