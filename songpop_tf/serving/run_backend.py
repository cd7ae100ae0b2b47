"""Predict with the models of a training run or a preset, in this process."""

from functools import cached_property
from pathlib import Path
from typing import Protocol

import tensorflow as tf

from pipelines.metadata.year_quantiles import YearSongs, read_year_quantiles
from songpop_tf.serving.backend import Inputs, Rows, rows_from_arrays
from songpop_tf.serving.serving_model import INPUT_DTYPES, ServingModel, TrainedModels


class StoredModels(TrainedModels, Protocol):
    """Trained models in a folder."""

    @property
    def year_quantiles_path(self) -> Path:
        """File of the quantiles of the training songs; it may be absent."""
        ...

    def fingerprint(self) -> str:
        """Identifies the models by their content."""
        ...


class RunBackend:
    """A training run or a preset as a `songpop_tf.serving.backend.Backend`.

    Args:
        run: a training run, or a preset.

    Raises:
        InputError: the run has no finished model.
    """

    validate_images = True

    def __init__(self, run: StoredModels) -> None:
        self._run = run
        self._model = ServingModel(run)
        self.name = str(run.directory)
        self.branches = list(self._model.configurations)
        self.signatures = list(self._model.signatures)

    @cached_property
    def identity(self) -> str:
        """Identifies the models by their content.

        Training may replace a model while the prediction of a table is interrupted.
        """
        return self._run.fingerprint()

    @cached_property
    def year_quantiles(self) -> dict[int, YearSongs] | None:
        """As `songpop_tf.serving.backend.Backend`; None for a run of an earlier version."""
        path = self._run.year_quantiles_path
        return read_year_quantiles(path) if path.is_file() else None

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        """Call a signature, see `songpop_tf.serving.backend.Backend`."""
        tensors = {name: tf.constant(column, INPUT_DTYPES[name]) for name, column in inputs.items()}
        outputs = self._model.signatures[signature](**tensors)
        return rows_from_arrays({name: column.numpy() for name, column in outputs.items()})
