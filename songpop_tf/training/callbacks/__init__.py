"""Keras callbacks of training; all of them also work in a ``fit`` script of one's own."""

from songpop_tf.training.callbacks.checkpoint import Checkpoint, History
from songpop_tf.training.callbacks.console_log import ConsoleLog
from songpop_tf.training.callbacks.epoch_metrics import EpochMetrics
from songpop_tf.training.callbacks.hparams import HParams
from songpop_tf.training.callbacks.projector import ArtistProjector
from songpop_tf.training.callbacks.raise_on_nan import RaiseOnNaN
from songpop_tf.training.callbacks.tensorboard import TensorBoardLog

__all__ = [
    "ArtistProjector",
    "Checkpoint",
    "ConsoleLog",
    "EpochMetrics",
    "HParams",
    "History",
    "RaiseOnNaN",
    "TensorBoardLog",
]
