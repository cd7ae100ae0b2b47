"""What TensorBoard shows of each stage of a training while it goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.metadata import MetadataReader
from songpop_tf.board.pictures import (
    PANELS,
    panels_of,
    prediction_pictures,
    spectrogram_picture,
)
from songpop_tf.board.projector import write_artists
from songpop_tf.drawing import Panel, Vector

FOLDER = "tensorboard"
"""Where a run keeps what TensorBoard reads."""
EVERY = 5
"""Pictures are drawn after so many epochs, besides the first one and the last."""
MOST_ROWS = 5000
"""Of a larger validation set, so many rows are predicted for the pictures, evenly spread."""

_SCALARS = {
    "training": {
        "mse": ("loss", "Mean squared error of the epoch, in points² of popularity, 0-100."),
        "learning_rate": ("learning_rate", "At the end of the epoch."),
        "songs_per_second": ("songs_per_second", "Trained in a second, validation left out."),
    },
    "validation": {
        "mse": ("val_loss", "Mean squared error after the epoch, in points² of popularity, 0-100."),
        "mae": ("val_mae", "Mean absolute error after the epoch, in points of popularity."),
    },
}
"""By TensorBoard run and tag: the key in a history's entry, and what it means."""


@dataclass(frozen=True)
class Board:
    """A folder that TensorBoard reads.

    Every stage is written in one layout: the runs ``<stage>/training`` and ``<stage>/validation``
    with the tags ``mse``, ``mae``, ``learning_rate`` and ``songs_per_second`` by epoch; and after
    the first epoch, every fifth and the last, the pictures ``predictions/against_true``,
    ``predictions/error_by_decade`` and, where the inputs have them, ``spectrograms``.

    Attributes:
        directory: what ``tensorboard --logdir`` takes.
        histograms: also write how the weights are spread.
    """

    directory: Path
    histograms: bool = False

    def watch(
        self,
        stage: str,
        train: Callable[[int], tf.data.Dataset],
        validation: tf.data.Dataset,
        watched: pd.DataFrame,
    ) -> "StageWatcher":
        """What is to be called after each epoch of a stage.

        Args:
            stage: its name, such as "text/songs"; its runs are then named "text_songs/...".
            train: makes the endless training dataset that begins at a given epoch, batches of
                (inputs, popularity or a dictionary of targets).
            validation: one pass of the same over the validation songs.
            watched: these songs in the same order; columns popularity (0-100) and year (0 =
                unknown).
        """
        directory = self.directory / stage.replace("/", "_")
        return StageWatcher(directory, train, validation, watched, self.histograms)

    def write_artists(
        self, songs: pd.DataFrame, reader: MetadataReader, encoder: keras.Model
    ) -> None:
        """Show what the text branch thinks of artists in TensorBoard's Projector.

        Args:
            songs: that it was trained on; columns artist, popularity and year (0 = unknown).
            reader: makes its inputs.
            encoder: the trained branch.
        """
        write_artists(self.directory / "artists", songs, reader, encoder)


class StageWatcher:
    """Writes a stage's runs; it belongs behind all watchers that may end the training.

    Args:
        directory: of the stage.
        train, validation, watched, histograms: see :class:`Board`.
    """

    def __init__(
        self,
        directory: Path,
        train: Callable[[int], tf.data.Dataset],
        validation: tf.data.Dataset,
        watched: pd.DataFrame,
        histograms: bool,
    ) -> None:
        self._directory = directory
        self._train = train
        self._validation, self._watched = _evenly_spread(validation, watched)
        self._histograms = histograms
        self._predict: Callable[[], Vector] | None = None
        self._panels: Iterator[Panel] | None = None

    def __call__(self, stage: str, model: keras.Model, entry: dict[str, float]) -> None:
        """Write an epoch.

        Args:
            stage: for the titles of pictures.
            model: as it is after the epoch; it may give a dictionary with ``popularity``.
            entry: of the history, see :func:`songpop_tf.training.fit.fit`.
        """
        epoch, last = int(entry["epoch"]), bool(model.stop_training)
        self._write_scalars(entry, epoch)
        self._flush()
        if epoch == 1 or epoch % EVERY == 0 or last:
            self._write_predictions(model, epoch, f"{stage}, epoch {epoch}")
            if _has_spectrograms(self._validation):
                self._write_spectrograms(epoch, stage)
            if self._histograms:
                self._write_histograms(model, epoch)
            self._flush()

    @cached_property
    def _writers(self) -> dict[str, Any]:
        return {
            name: tf.summary.create_file_writer(str(self._directory / name)) for name in _SCALARS
        }

    def _flush(self) -> None:
        """Show what was written to whoever watches; an interruption then loses nothing of it."""
        for writer in self._writers.values():
            writer.flush()

    def _write_scalars(self, entry: dict[str, float], epoch: int) -> None:
        for name, tags in _SCALARS.items():
            with self._writers[name].as_default(epoch):
                for tag, (key, meaning) in tags.items():
                    tf.summary.scalar(tag, entry[key], description=meaning)

    def _write_predictions(self, model: keras.Model, epoch: int, heading: str) -> None:
        if self._predict is None:
            self._predict = _predictor(model, self._validation)
        pictures = prediction_pictures(self._watched, self._predict(), heading)
        with self._writers["validation"].as_default(epoch):
            for tag, picture in pictures.items():
                tf.summary.image(tag, picture[np.newaxis])

    def _write_spectrograms(self, epoch: int, heading: str) -> None:
        if self._panels is None:
            # To set up augmentation anew takes seconds: the songs of one batch are leafed through.
            self._panels = cycle(panels_of(next(iter(self._train(epoch - 1)))))
        picture = spectrogram_picture(list(islice(self._panels, PANELS)), heading)
        with self._writers["training"].as_default(epoch):
            tf.summary.image("spectrograms", picture[np.newaxis])

    def _write_histograms(self, model: keras.Model, epoch: int) -> None:
        with self._writers["training"].as_default(epoch):
            for name, weight in _trained_weights(model):
                tf.summary.histogram(f"weights/{name}", weight)


def _evenly_spread(
    validation: tf.data.Dataset, watched: pd.DataFrame
) -> tuple[tf.data.Dataset, pd.DataFrame]:
    """So many of the batches that they hold ``MOST_ROWS`` at most, and their rows.

    Tables come in an order, often by time, so the first ones would not stand for all.
    """
    apart = -(-len(watched) // MOST_ROWS)
    if apart == 1:
        return validation, watched
    _, targets = next(iter(validation))
    batch = np.arange(len(watched)) // len(tf.nest.flatten(targets)[0])
    return validation.shard(apart, 0), watched[batch % apart == 0]


def _has_spectrograms(dataset: tf.data.Dataset) -> bool:
    inputs, _ = dataset.element_spec
    return isinstance(inputs, dict) and "spectrogram" in inputs


def _predictor(model: keras.Model, validation: tf.data.Dataset) -> Callable[[], Vector]:
    """What predicts ``(songs,)`` popularity by the model as it is then, pass after pass.

    Function and pipeline are set up once, which takes longer than all that they do.
    """
    # One trace for texts of any length, which predict_on_batch would trace each anew.
    ask = tf.function(
        lambda inputs: _popularity(model(inputs, training=False)), [validation.element_spec[0]]
    )
    batches, count = iter(validation.repeat()), int(validation.cardinality())
    return lambda: np.concatenate([ask(inputs).numpy() for inputs, _ in islice(batches, count)])


def _popularity(answer: Any) -> tf.Tensor:
    """``(songs,)`` of what a model gives: ``(songs, 1)``, or a dictionary that has it."""
    return (answer["popularity"] if isinstance(answer, dict) else answer)[:, 0]


def _trained_weights(model: keras.Model, above: str = "") -> Iterator[tuple[str, Any]]:
    """The weights that training changes, named by the models and layers that they are in.

    Keras's own paths lack the models, and both branches have a layer "features".
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _trained_weights(layer, f"{above}{layer.name}/")
        else:
            yield from ((above + weight.path, weight) for weight in layer.trainable_weights)
