"""Trials of a search for TensorBoard's HParams page."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api, api_pb2, summary

from songpop_tf.training.callbacks.tensorboard_files import replacing_writer

Value = float | int | str | bool

_SUFFIX = ".hparams"


class HParams(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Writes a trial when its training ends: its hyperparameters and its lowest validation loss.

    Written again, a trial replaces what was there. (``tensorboard.plugins.hparams.keras`` needs
    the Keras inside TensorFlow 2.15 or older.)

    Args:
        directory: of the trial, below that of the experiment; its name is the trial's id.
        hyperparameters: values by name, such as "cnn_fit.learning_rate".
        tag: under which the result is written.
        monitor: key of the logs; lower is better.
    """

    def __init__(
        self,
        directory: Path,
        hyperparameters: Mapping[str, Value],
        *,
        tag: str = "validation_mse",
        monitor: str = "val_loss",
    ) -> None:
        super().__init__()
        self._directory = directory
        self._hyperparameters = dict(hyperparameters)
        self._tag = tag
        self._monitor = monitor
        self._lowest = math.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch
        logs = logs or {}
        # A checkpoint also knows the epochs before an interruption.
        value = logs.get(f"best_{self._monitor}", logs[self._monitor])
        self._lowest = min(self._lowest, value)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        del logs
        if math.isfinite(self._lowest):  # not if training resumed after its last epoch
            write_trial(self._directory, self._hyperparameters, self._tag, self._lowest)


def write_trial(
    directory: Path, hyperparameters: Mapping[str, Value], tag: str, value: float
) -> None:
    """Write a finished trial; written again, it replaces what was there.

    Args:
        directory: of the trial, below that of the experiment; its name is the trial's id.
        hyperparameters: values by name.
        tag: of the result.
        value: the result.
    """
    writer = replacing_writer(directory, _SUFFIX)
    with writer.as_default(0):
        api.hparams(dict(hyperparameters), trial_id=directory.name)
        tf.summary.scalar(tag, value)
        ended = summary.session_end_pb(api_pb2.STATUS_SUCCESS)
        tf.summary.experimental.write_raw_pb(ended.SerializeToString())
    writer.close()


def write_experiment(
    directory: Path, choices: Mapping[str, Sequence[Value]], metrics: Sequence[str]
) -> None:
    """Write the search space and the metrics: the columns of the HParams page.

    Without it TensorBoard guesses the columns from the trials, shows every scalar that these wrote,
    and cannot filter by text with accents.

    Args:
        directory: the one for ``tensorboard --logdir``.
        choices: by hyperparameter: every string or boolean, or numbers from lowest to highest.
        metrics: tags, the objective first.

    Raises:
        ValueError: a hyperparameter without values.
    """
    writer = replacing_writer(directory, _SUFFIX)
    with writer.as_default(0):
        api.hparams_config(
            [api.HParam(name, _domain(name, values)) for name, values in choices.items()],
            [api.Metric(tag) for tag in metrics],
        )
    writer.close()


def _domain(name: str, values: Sequence[Value]) -> Any:
    if not values:
        raise ValueError(f"{name}: expected one value or more, received none")
    if isinstance(values[0], str | bool):
        return api.Discrete(values)
    return api.RealInterval(float(min(values)), float(max(values)))
