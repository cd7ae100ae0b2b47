"""Predict with the models of a training run, in this process."""

from functools import cached_property

import tensorflow as tf

from pipelines.io import file_fingerprint, fingerprint
from pipelines.metadata.year_quantiles import YearSongs, read_year_quantiles
from songpop_tf.serving.backend import Inputs, Rows, rows_from_arrays
from songpop_tf.serving.serving_model import INPUT_DTYPES, ServingModel
from songpop_tf.training.run import Run


class RunBackend:
    """A training run as a `songpop_tf.serving.backend.Backend`.

    Args:
        run: a training run.

    Raises:
        InputError: the run has no finished model.
    """

    validate_images = True

    def __init__(self, run: Run) -> None:
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
        run, trained = self._run, self._model.configurations.values()
        return fingerprint(
            *(file_fingerprint(run.history_path(configuration)) for configuration in trained),
            *(file_fingerprint(run.model_path(configuration)) for configuration in trained),
            *(run.load_intervals(configuration).to_json() for configuration in trained),
        )

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
