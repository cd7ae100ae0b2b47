"""TensorBoard: scalars every epoch, images every fifth, histograms if asked for."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from songpop_tf.array_types import Vector
from songpop_tf.plotting import Panel
from songpop_tf.training.callbacks.tensorboard_images import (
    PANELS,
    prediction_images,
    spectrogram_image,
    spectrogram_panels,
)

LOG_DIRECTORY = "tensorboard"
"""Folder of a run for ``tensorboard --logdir``."""
IMAGE_INTERVAL = 5
"""Epochs between images; the first and the last epoch have them too."""
MAX_IMAGE_ROWS = 5000
"""Validation rows predicted for the images; of a larger table, an evenly spread part."""

_SCALARS = {
    "training": {
        "mse": ("loss", "Mean squared error of the epoch, in points² of popularity, 0-100."),
        "learning_rate": ("learning_rate", "At the end of the epoch."),
        "songs_per_second": ("songs_per_second", "Training alone, without validation."),
    },
    "validation": {
        "mse": ("val_loss", "Mean squared error after the epoch, in points² of popularity, 0-100."),
        "mae": ("val_mae", "Mean absolute error after the epoch, in points of popularity."),
    },
}
"""By TensorBoard run and tag: the key of the logs, and the description."""


class TensorBoardLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Writes one training stage as the TensorBoard runs ``training`` and ``validation``.

    ``keras.callbacks.TensorBoard`` shows neither predictions nor spectrograms. The tags are
    ``mse``, ``mae``, ``learning_rate`` and ``songs_per_second`` by epoch; after the first epoch,
    every fifth and the last, the images ``predictions/against_true``,
    ``predictions/error_by_decade`` and, where the model reads them, ``spectrograms``.

    Add it after `EpochMetrics` and `Checkpoint`.

    Args:
        directory: of the stage.
        train: the endless training dataset of ``(inputs, popularity or dictionary of targets)``.
        validation: one pass of the same over the validation songs.
        validation_table: these songs in the same order; columns popularity (0-100) and year (0 =
            unknown).
        title: of the images, before the epoch.
        histograms: also write histograms of the trained weights.
    """

    def __init__(
        self,
        directory: Path,
        *,
        train: tf.data.Dataset,
        validation: tf.data.Dataset,
        validation_table: pd.DataFrame,
        title: str,
        histograms: bool = False,
    ) -> None:
        super().__init__()
        self._directory = directory
        self._train = train
        self._validation, self._table = _subsample(validation, validation_table)
        self._title = title
        self._histograms = histograms
        self._predict: Callable[[], Vector] | None = None
        self._panels: Iterator[Panel] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        number = epoch + 1
        is_last = self.model.stop_training or number == self.params["epochs"]
        self._write_scalars(logs or {}, number)
        self._flush()
        if number == 1 or number % IMAGE_INTERVAL == 0 or is_last:
            self._write_predictions(number)
            if _has_spectrograms(self._validation):
                self._write_spectrograms(number)
            if self._histograms:
                self._write_histograms(number)
            self._flush()

    @cached_property
    def _writers(self) -> dict[str, Any]:
        return {
            name: tf.summary.create_file_writer(str(self._directory / name)) for name in _SCALARS
        }

    def _flush(self) -> None:
        """Make what was written visible to TensorBoard, and safe from an interruption."""
        for writer in self._writers.values():
            writer.flush()

    def _write_scalars(self, logs: dict[str, float], epoch: int) -> None:
        for name, tags in _SCALARS.items():
            with self._writers[name].as_default(epoch):
                for tag, (key, description) in tags.items():
                    tf.summary.scalar(tag, logs[key], description=description)

    def _write_predictions(self, epoch: int) -> None:
        if self._predict is None:
            self._predict = _make_predict(self.model, self._validation)
        heading = f"{self._title}, epoch {epoch}"
        images = prediction_images(self._table, self._predict(), heading)
        with self._writers["validation"].as_default(epoch):
            for tag, image in images.items():
                tf.summary.image(tag, image[np.newaxis])

    def _write_spectrograms(self, epoch: int) -> None:
        if self._panels is None:
            # Setting up augmentation takes seconds: the songs of one batch are shown in turn.
            self._panels = cycle(spectrogram_panels(next(iter(self._train))))
        image = spectrogram_image(list(islice(self._panels, PANELS)), self._title)
        with self._writers["training"].as_default(epoch):
            tf.summary.image("spectrograms", image[np.newaxis])

    def _write_histograms(self, epoch: int) -> None:
        with self._writers["training"].as_default(epoch):
            for name, weight in trained_weights(self.model):
                tf.summary.histogram(f"weights/{name}", weight)


def _subsample(
    validation: tf.data.Dataset, table: pd.DataFrame
) -> tuple[tf.data.Dataset, pd.DataFrame]:
    """Every n-th batch and its rows, ``MAX_IMAGE_ROWS`` at most.

    Tables come in an order, often by time, so the first rows would not represent all.
    """
    interval = -(-len(table) // MAX_IMAGE_ROWS)
    if interval == 1:
        return validation, table
    _, targets = next(iter(validation))
    batch = np.arange(len(table)) // len(tf.nest.flatten(targets)[0])
    return validation.shard(interval, 0), table[batch % interval == 0]


def _has_spectrograms(dataset: tf.data.Dataset) -> bool:
    inputs, _ = dataset.element_spec
    return isinstance(inputs, dict) and "spectrogram" in inputs


def _make_predict(model: keras.Model, validation: tf.data.Dataset) -> Callable[[], Vector]:
    """A function that predicts ``(songs,)`` popularity with the model's current weights.

    Graph and iterator are made once: that takes longer than the predictions.
    """
    # One trace for texts of any length; predict_on_batch would trace each length.
    predict_batch = tf.function(
        lambda inputs: _popularity(model(inputs, training=False)), [validation.element_spec[0]]
    )
    batches, count = iter(validation.repeat()), int(validation.cardinality())
    return lambda: np.concatenate(
        [predict_batch(inputs).numpy() for inputs, _ in islice(batches, count)]
    )


def _popularity(outputs: Any) -> tf.Tensor:
    """``(songs,)`` from a model's output ``(songs, 1)``, or from a dictionary of outputs."""
    return (outputs["popularity"] if isinstance(outputs, dict) else outputs)[:, 0]


def trained_weights(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The trainable weights by name, the names of nested models before it.

    ``weight.path`` lacks the models, and both branches have a layer "features".
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from trained_weights(layer, f"{prefix}{layer.name}/")
        else:
            yield from ((prefix + weight.path, weight) for weight in layer.trainable_weights)
