"""What every epoch's logs hold, whatever the outputs of the model."""

import time

import keras

POPULARITY = "popularity"
"""The output whose error counts, where a model has several."""


class EpochMetrics(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Adds learning rate and speed to the logs of each epoch; callbacks after it see them.

    The logs gain ``learning_rate`` (at the end of the epoch), ``songs_per_second`` (training alone)
    and ``seconds`` (validation included). Of a model with several outputs, ``loss``, ``val_loss``
    and ``val_mae`` become those of its output ``popularity``.

    Args:
        batch_size: songs in a training step.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self._batch_size = batch_size
        self._epoch_started = self._training_ended = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch, logs
        self._epoch_started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        if batch + 1 == self.params["steps"]:
            self._training_ended = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch
        logs = {} if logs is None else logs
        if isinstance(self.model.output, dict):
            logs["loss"] = logs[f"{POPULARITY}_loss"]
            logs["val_loss"] = logs[f"val_{POPULARITY}_loss"]
            logs["val_mae"] = logs[f"val_{POPULARITY}_mae"]
        songs = self.params["steps"] * self._batch_size
        training_seconds = self._training_ended - self._epoch_started
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        logs["songs_per_second"] = round(songs / training_seconds, 1)
        logs["seconds"] = round(time.perf_counter() - self._epoch_started, 3)
