"""Fit one model, so that it can be stopped at any time and go on at the last finished epoch."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from pipelines.files import write_atomically
from songpop_tf.config import FitConfig

MakeDataset = Callable[[int], tf.data.Dataset]
"""Makes the endless training dataset that begins at a given epoch."""

Watcher = Callable[[str, keras.Model, dict[str, float]], None]
"""Looks on after each epoch: stage, model and the epoch's entry of the history.

It may set ``model.stop_training``.
"""

Arrays = list[npt.NDArray[Any]]

POPULARITY = "popularity"
"""The answer that counts, where a model gives several."""


class Console(Protocol):
    """Where a long job tells how it goes on."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of ``what`` are done."""

    def say(self, text: str) -> None:
        """Print one line that stays."""


def fit(
    model: keras.Model,
    train: MakeDataset,
    steps: int,
    validation: tf.data.Dataset,
    config: FitConfig,
    state: Path,
    stage: str,
    console: Console,
    weights: Mapping[str, float] = MappingProxyType({}),
    watchers: Sequence[Watcher] = (),
    *,
    whole_epochs: bool = False,
) -> list[dict[str, float]]:
    """Fit with MSE and Adam, and leave the model at its best epoch.

    Args:
        model: changed in place. It may give a dictionary with ``popularity`` and other answers.
        train: makes batches of (inputs, popularity), or of (inputs, dictionary of targets); in the
            other targets, NaN is what nobody knows.
        steps: batches in an epoch.
        validation: one pass over the validation songs.
        config: learning rate, epochs, patience.
        state: file that holds everything needed to go on, written after each epoch.
        stage: name for the console.
        console: gets one line an epoch, and the steps within it unless ``whole_epochs``.
        weights: of the other answers' MSE beside that of popularity.
        watchers: called after each epoch, once it is safe on disk.
        whole_epochs: TensorFlow runs an epoch in one go, not step by step: for a model so small
            that handing over takes longer than a step. Nothing is told within an epoch then, nor
            does Ctrl-C stop it there.

    Returns:
        For each epoch: epoch, loss, val_loss (MSE of popularity in points squared), val_mae,
        learning_rate (at its end), songs_per_second (trained) and seconds (validation too).
    """
    _compile(model, config, steps, weights, at_once=steps if whole_epochs else 1)
    progress = _Progress(model, config, state, stage, steps, console, watchers)
    progress.restore()
    if progress.goes_on():
        model.fit(
            train(len(progress.history)),
            steps_per_epoch=steps,
            initial_epoch=len(progress.history),
            epochs=config.epochs,
            validation_data=validation,
            callbacks=[progress],
            shuffle=False,  # the dataset shuffles itself
            verbose=0,
        )
    progress.use_best()
    return progress.history


def _compile(
    model: keras.Model, config: FitConfig, steps: int, weights: Mapping[str, float], at_once: int
) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10,
        config.epochs * steps,
        warmup_target=config.learning_rate,
        warmup_steps=steps,
    )
    optimizer = keras.optimizers.Adam(schedule, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
    losses: Any = "mse"
    metrics: Any = ["mae"]
    factors = None
    if _gives_several(model):
        others = [name for name in model.output if name != POPULARITY]
        losses = {POPULARITY: "mse", **dict.fromkeys(others, known_mse)}
        factors = {POPULARITY: 1.0, **{name: weights[name] for name in others}}
        metrics = {POPULARITY: metrics}
    # XLA makes training on a CPU half as fast.
    model.compile(
        optimizer,
        losses,
        loss_weights=factors,
        metrics=metrics,
        steps_per_execution=at_once,
        jit_compile=False,
    )
    optimizer.build(model.trainable_variables)
    # Else the first step would make the variables of the metrics, and TensorFlow trace it twice.
    answers = keras.tree.map_structure(
        lambda answer: ops.zeros((1, *answer.shape[1:])), model.output
    )
    model.compute_loss(None, answers, answers)
    model.compute_metrics(None, answers, answers)
    model.reset_metrics()


def _gives_several(model: keras.Model) -> bool:
    return isinstance(model.output, dict)


def known_mse(truth: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """Mean squared error ``(batch,)`` of ``(batch, n)``; 0 where the truth is NaN, not known."""
    # The truth is replaced, not the error: even an unused NaN makes the slope NaN.
    known = ops.where(ops.isnan(truth), ops.stop_gradient(prediction), truth)
    return ops.mean(ops.square(known - prediction), axis=-1)


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Early stopping, the console, and a state on disk after every epoch.

    Keras's own BackupAndRestore forgets its callbacks' state and does not write atomically.
    """

    def __init__(
        self,
        model: keras.Model,
        config: FitConfig,
        state: Path,
        stage: str,
        steps: int,
        console: Console,
        watchers: Sequence[Watcher],
    ) -> None:
        super().__init__()
        self.history: list[dict[str, float]] = []
        self._fitted = model
        self._config = config
        self._state = state
        self._stage = stage
        self._steps = steps
        self._console = console
        self._watchers = watchers
        self._best = _values(model.variables)
        self._started = self._trained = 0.0

    def goes_on(self) -> bool:
        """Whether another epoch is to be trained."""
        return self._since_best() < self._config.patience and (
            len(self.history) < self._config.epochs
        )

    def use_best(self) -> None:
        """Give the model the weights of its best epoch."""
        _assign(self._fitted.variables, self._best)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch, logs
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        what = f"{self._stage} epoch {len(self.history) + 1}"
        self._console.progress(what, batch + 1, self._steps)
        if batch + 1 == self._steps:
            self._trained = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        seconds = time.perf_counter() - self._started
        of_popularity = f"{POPULARITY}_" if _gives_several(self._fitted) else ""
        names = {
            "loss": f"{of_popularity}loss",
            "val_loss": f"val_{of_popularity}loss",
            "val_mae": f"val_{of_popularity}mae",
        }
        named = {name: float((logs or {})[keras_name]) for name, keras_name in names.items()}
        songs = self._steps * self._config.batch_size
        rates = {
            "learning_rate": float(self._fitted.optimizer.learning_rate),
            "songs_per_second": round(songs / (self._trained - self._started), 1),
            "seconds": round(seconds, 3),
        }
        self.history.append({"epoch": epoch + 1, **named, **rates})
        if not np.isfinite([named["loss"], named["val_loss"]]).all():
            raise FloatingPointError(
                f"{self._stage}: the loss became {named['loss']} (validation "
                f"{named['val_loss']}) in epoch {epoch + 1}; "
                f"try a learning rate below {self._config.learning_rate}"
            )
        is_best = self._since_best() == 0
        if is_best:
            self._best = _values(self._fitted.variables)
        self._save()
        self._console.say(
            f"{self._stage:<15} epoch {epoch + 1:>3}/{self._config.epochs}  "
            f"loss {named['loss']:7.1f}  validation MSE {named['val_loss']:7.1f}  "
            f"MAE {named['val_mae']:5.2f}  {seconds:6.1f} s{'  best' if is_best else ''}"
        )
        if not self.goes_on():
            self._fitted.stop_training = True
        for watcher in self._watchers:
            watcher(self._stage, self._fitted, self.history[-1])

    def restore(self) -> None:
        """Take up the state of an interrupted fit, if there is one."""
        if not self._state.is_file():
            return
        with np.load(self._state) as stored:
            self.history = json.loads(str(stored["history"]))
            _assign(self._variables(), _numbered(stored, "variable"))
            self._best = _numbered(stored, "best")
        self._console.say(f"{self._stage}: goes on after epoch {len(self.history)}")

    def _save(self) -> None:
        arrays = {f"variable{i}": value for i, value in enumerate(_values(self._variables()))}
        arrays |= {f"best{i}": value for i, value in enumerate(self._best)}
        with write_atomically(self._state) as temporary, temporary.open("wb") as file:
            np.savez(file, history=np.array(json.dumps(self.history)), **arrays)  # type: ignore[arg-type]

    def _variables(self) -> list[Any]:
        return [*self._fitted.variables, *self._fitted.optimizer.variables]

    def _since_best(self) -> int:
        losses = [entry["val_loss"] for entry in self.history]
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _values(variables: list[Any]) -> Arrays:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: list[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _numbered(stored: Any, name: str) -> Arrays:
    count = sum(key.startswith(name) for key in stored)
    return [stored[f"{name}{i}"] for i in range(count)]
