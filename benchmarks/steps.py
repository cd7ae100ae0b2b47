"""Training steps of Keras models as the benchmarks time them."""

import time
from typing import Any

import keras
import tensorflow as tf

WARM_UP = 3
"""Steps that are not counted: TensorFlow traces the first, and prefetching fills its buffers."""


class _Clock(keras.callbacks.Callback):
    """Notes when each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del batch, logs
        self.ends.append(time.perf_counter())


def compiled(model: keras.Model) -> keras.Model:
    """The model, ready for training as the project trains: Adam, MSE, and no XLA."""
    optimizer = keras.optimizers.Adam(1e-3, weight_decay=1e-3)
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=False)
    return model


def fit_seconds(model: keras.Model, dataset: tf.data.Dataset, steps: int) -> float:
    """Seconds that so many steps of `fit` take, after those of the warm-up."""
    clock = _Clock()
    model.fit(
        dataset,
        steps_per_epoch=WARM_UP + steps,
        callbacks=[clock],
        shuffle=False,
        verbose=0,
    )
    return clock.ends[-1] - clock.ends[WARM_UP - 1]


def waiting_share(model: keras.Model, dataset: tf.data.Dataset, steps: int) -> float:
    """Share of so many steps in which nothing is trained, because the batch is not there yet."""
    batches = iter(dataset)
    waited, trained = [], []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        batch = next(batches)
        got = time.perf_counter()
        model.train_on_batch(*batch)
        waited.append(got - started)
        trained.append(time.perf_counter() - got)
    total = sum(waited[WARM_UP:])
    return total / (total + sum(trained[WARM_UP:]))


def always(batch: Any) -> tf.data.Dataset:
    """One batch again and again: what training takes without any input pipeline."""
    return tf.data.Dataset.from_tensors(batch).repeat()
