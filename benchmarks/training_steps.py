"""Timing of the training steps of Keras models."""

import time
from typing import Any

import keras
import tensorflow as tf

WARM_UP_STEPS = 3
"""Steps excluded from timing: TensorFlow traces the first, and prefetching fills its buffers."""


class _StepTimer(keras.callbacks.Callback):
    """Records the time at which each step ends."""

    def __init__(self) -> None:
        super().__init__()
        self.end_times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del batch, logs
        self.end_times.append(time.perf_counter())


def compile_for_training(model: keras.Model) -> keras.Model:
    """Compile as the project does: Adam, MSE, no XLA; return the model."""
    optimizer = keras.optimizers.Adam(1e-3, weight_decay=1e-3)
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=False)
    return model


def time_fit(model: keras.Model, dataset: tf.data.Dataset, steps: int) -> float:
    """Seconds of ``steps`` steps of ``fit``, without the warm-up."""
    timer = _StepTimer()
    model.fit(
        dataset,
        steps_per_epoch=WARM_UP_STEPS + steps,
        callbacks=[timer],
        shuffle=False,
        verbose=0,
    )
    return timer.end_times[-1] - timer.end_times[WARM_UP_STEPS - 1]


def input_wait_share(model: keras.Model, dataset: tf.data.Dataset, steps: int) -> float:
    """Share of the time of ``steps`` steps in which the model waits for the next batch."""
    batches = iter(dataset)
    waiting, training = [], []
    for _ in range(WARM_UP_STEPS + steps):
        started = time.perf_counter()
        batch = next(batches)
        received = time.perf_counter()
        model.train_on_batch(*batch)
        waiting.append(received - started)
        training.append(time.perf_counter() - received)
    total_waiting = sum(waiting[WARM_UP_STEPS:])
    return total_waiting / (total_waiting + sum(training[WARM_UP_STEPS:]))


def repeat_batch(batch: Any) -> tf.data.Dataset:
    """One batch without end: training without an input pipeline."""
    return tf.data.Dataset.from_tensors(batch).repeat()
