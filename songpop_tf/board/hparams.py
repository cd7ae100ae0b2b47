"""Trials of a search as TensorBoard's HParams page shows them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api, api_pb2, summary

from songpop_tf.board.events import replacing_writer

Value = float | int | str | bool

_SUFFIX = ".hparams"


def write_experiment(
    directory: Path, choices: Mapping[str, Sequence[Value]], metrics: Sequence[str]
) -> None:
    """Write what a search may choose and what it measures: the columns of the page.

    Without it TensorBoard guesses the columns from the trials, shows every scalar that these wrote,
    and cannot filter by words with accents.

    Args:
        directory: what ``tensorboard --logdir`` takes.
        choices: by setting every word or truth value there is, or numbers from the lowest to the
            highest.
        metrics: tags, the one that counts first.
    """
    writer = replacing_writer(directory, _SUFFIX)
    with writer.as_default(0):
        api.hparams_config(
            [api.HParam(name, _domain(name, values)) for name, values in choices.items()],
            [api.Metric(tag) for tag in metrics],
        )
    writer.close()


def write_hparams(
    directory: Path, values: Mapping[str, Value], metrics: Mapping[str, float]
) -> None:
    """Write a finished trial; written again, it takes the place of what was there.

    Args:
        directory: of the trial, below that of the experiment; its name is the trial's.
        values: its settings by name, such as "cnn_fit.learning_rate".
        metrics: what came of it by tag, such as "validation_mse".
    """
    writer = replacing_writer(directory, _SUFFIX)
    with writer.as_default(0):
        api.hparams(dict(values), trial_id=directory.name)
        for tag, value in metrics.items():
            tf.summary.scalar(tag, value)
        ended = summary.session_end_pb(api_pb2.STATUS_SUCCESS)
        tf.summary.experimental.write_raw_pb(ended.SerializeToString())
    writer.close()


def _domain(name: str, values: Sequence[Value]) -> Any:
    if not values:
        raise ValueError(f"{name}: expected one value or more, received none")
    if isinstance(values[0], str | bool):
        return api.Discrete(values)
    return api.RealInterval(float(min(values)), float(max(values)))
