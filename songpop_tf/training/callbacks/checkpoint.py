"""Checkpoints from which an interrupted ``fit`` resumes as if it had never stopped."""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipelines.file_errors import reading_arrays
from pipelines.io import StrPath, write_atomically

History = list[dict[str, float]]
"""One entry for each epoch: ``epoch`` (1 = first) and the epoch's logs."""
_EXPECTED = "a checkpoint of the same model and settings (delete it to train the stage again)"
_Arrays = list[npt.NDArray[Any]]


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Saves the training state after every epoch, stops early and restores the best weights.

    All three belong together: after a restart, early stopping must know the epochs before it.
    ``keras.callbacks.BackupAndRestore`` does not write atomically and forgets what other callbacks
    knew. Add it before callbacks that are to see ``model.stop_training``:

        checkpoint = Checkpoint("fit.npz", patience=5)
        model.compile(...)
        model.optimizer.build(model.trainable_variables)  # `restore` assigns to its variables
        checkpoint.restore(model)
        model.fit(
            ...,
            initial_epoch=checkpoint.completed_epochs,
            # No further epoch once training has stopped early.
            epochs=5 if checkpoint.should_continue else checkpoint.completed_epochs,
            callbacks=[checkpoint],
        )

    Each epoch's logs gain ``best_<monitor>``, the lowest value so far.

    Args:
        path: ``.npz`` file that holds variables, best weights and history; written atomically.
        patience: epochs without a lower ``monitor`` after which training stops.
        monitor: key of the logs; lower is better.
    """

    def __init__(self, path: StrPath, *, patience: int, monitor: str = "val_loss") -> None:
        super().__init__()
        self.history: History = []
        self._path = Path(path)
        self._patience = patience
        self._monitor = monitor
        self._best_weights: _Arrays | None = None
        if self._path.is_file():
            with reading_arrays(self._path, _EXPECTED) as stored:
                self.history = json.loads(str(stored["history"]))

    @property
    def completed_epochs(self) -> int:
        """Epochs that are safe on disk: the ``initial_epoch`` of ``fit``."""
        return len(self.history)

    @property
    def should_continue(self) -> bool:
        """Whether early stopping allows another epoch."""
        return self._epochs_since_best() < self._patience

    def restore(self, model: keras.Model) -> None:
        """Load the stored state into a model with a built optimizer, if there is a checkpoint.

        Args:
            model: of the same architecture and optimizer as the one that was saved.
        """
        if not self._path.is_file():
            return
        with reading_arrays(self._path, _EXPECTED) as stored:
            _assign(_state_variables(model), _numbered_arrays(stored, "variable"))
            self._best_weights = _numbered_arrays(stored, "best")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        value = logs[self._monitor]
        lowest = min((entry[self._monitor] for entry in self.history), default=math.inf)
        logs[f"best_{self._monitor}"] = min(value, lowest)
        self.history.append({"epoch": epoch + 1, **{key: float(logs[key]) for key in logs}})
        if value < lowest or self._best_weights is None:
            self._best_weights = _values(self.model.variables)
        self._save()
        if not self.should_continue:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        del logs
        if self._best_weights is not None:
            _assign(self.model.variables, self._best_weights)

    def _save(self) -> None:
        arrays = {f"variable{i}": v for i, v in enumerate(_values(_state_variables(self.model)))}
        arrays |= {f"best{i}": value for i, value in enumerate(self._best_weights or [])}
        with write_atomically(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, history=np.array(json.dumps(self.history)), **arrays)  # type: ignore[arg-type]

    def _epochs_since_best(self) -> int:
        values = [entry[self._monitor] for entry in self.history]
        return len(values) - 1 - int(np.argmin(values)) if values else 0


def _state_variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _values(variables: list[Any]) -> _Arrays:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: list[Any], values: _Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _numbered_arrays(stored: Any, name: str) -> _Arrays:
    count = sum(key.startswith(name) for key in stored)
    return [stored[f"{name}{i}"] for i in range(count)]
