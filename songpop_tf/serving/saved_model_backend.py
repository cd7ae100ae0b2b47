"""Predict with an exported model in this process, without importing TensorFlow's Python code."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import file_fingerprint, fingerprint, read_json
from pipelines.metadata.year_quantiles import YearSongs, read_year_quantiles
from songpop_tf.serving.backend import Inputs, RejectedBatchError, Rows, rows_from_arrays
from songpop_tf.serving.schema import (
    GRAPH_FILE,
    SIGNATURES_FILE,
    TENSOR_KEY,
    YEAR_QUANTILES_FILE,
    output_names,
)
from songpop_tf.serving.tf_c_api import Column, SavedModel, TensorFlowError

_WEIGHTS_INDEX = "variables/variables.index"


class SavedModelBackend:
    """A version of an exported model as a `songpop_tf.serving.backend.Backend`.

    Args:
        directory: of the version.

    Raises:
        InputError: the folder was not written by `songpop-tf export`, or cannot be loaded.
    """

    # The graph says which images are unusable; decoding them here would import TensorFlow.
    validate_images = False

    def __init__(self, directory: Path) -> None:
        self.name = str(directory)
        path = directory / SIGNATURES_FILE
        if not path.is_file():
            raise InputError(
                f"{path}: expected a model of `songpop-tf export`, received a folder without it"
            )
        with reading(path, "the signatures of `songpop-tf export`"):
            description = read_json(path)
            self.branches, self._tensors = _parse_signatures(path, description)
        self.signatures = list(self._tensors)
        self._year_quantiles_path = directory / YEAR_QUANTILES_FILE
        try:
            self._model = SavedModel(directory)
        except TensorFlowError as error:
            raise InputError(f"{directory}: expected a SavedModel, received {error}") from None
        # Another export may replace the folder while the prediction of a table is interrupted. The
        # index of the weights holds their checksums.
        files = (directory / name for name in (GRAPH_FILE, _WEIGHTS_INDEX))
        self.identity = fingerprint(*map(file_fingerprint, files))

    @cached_property
    def year_quantiles(self) -> dict[int, YearSongs] | None:
        """As `songpop_tf.serving.backend.Backend`; None for an export of an earlier version."""
        path = self._year_quantiles_path
        return read_year_quantiles(path) if path.is_file() else None

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        """Call a signature, see `songpop_tf.serving.backend.Backend`."""
        columns = {name: _column(values) for name, values in inputs.items()}
        try:
            outputs = self._model.run(**self._tensors[signature], columns=columns)
        except TensorFlowError as error:
            raise RejectedBatchError(str(error)) from None
        return rows_from_arrays(outputs)


_Tensors = dict[str, dict[str, dict[str, str]]]
"""Names of the tensors in the graph: by signature, "inputs" or "outputs", and name."""


def _parse_signatures(path: Path, description: Any) -> tuple[list[str], _Tensors]:
    """Return the branches and the tensors of each signature."""
    try:
        return list(description["configurations"]), {
            signature: {
                "inputs": _tensor_names(tensors["inputs"], tensors["inputs"]),
                "outputs": _tensor_names(tensors["outputs"], output_names(signature)),
            }
            for signature, tensors in description["signatures"].items()
        }
    except KeyError as key:
        raise InputError(
            f"{path}: expected the key {key}, received none: an export of an older version; "
            "run `songpop-tf export` again"
        ) from None


def _tensor_names(tensors: Mapping[str, Mapping[str, str]], names: Iterable[str]) -> dict[str, str]:
    return {name: tensors[name][TENSOR_KEY] for name in names}


def _column(values: Sequence[Any]) -> Column:
    if isinstance(values[0], int):
        return np.array(values, np.int64)
    return [value.encode() if isinstance(value, str) else value for value in values]
