"""Open whatever a folder holds that can predict: a training run, or an exported model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import InputError
from pipelines.files import file_fingerprint, fingerprint, read_json
from songpop_tf.serving.c_library import Column, SavedModel, TensorFlowError
from songpop_tf.serving.names import SIGNATURES_FILE, TENSOR, newest_graph
from songpop_tf.serving.predict import Inputs, Predictor, RefusedError, answered_rows


def open_predictor(directory: Path) -> Predictor:
    """Open a training run, an exported model (its newest version), or one version of it.

    Raises:
        InputError: the folder holds none of them, or a run without a finished model.
    """
    if version := newest_graph(directory):
        model = ExportedModel(version)
        return Predictor(str(version), model.branches, model.ask, looks_first=False)
    # An exported model does without TensorFlow's Python and KerasHub, which take seconds to import.
    from songpop_tf.serving.signatures import SongModel
    from songpop_tf.training.run import Run

    run = Run.open(directory)
    song_model = SongModel(run)
    # More may be trained while the prediction of a table is interrupted.
    answering = song_model.configurations.values()
    trained = [file_fingerprint(run.history_path(name)) for name in answering]
    return Predictor(
        str(directory),
        list(song_model.configurations),
        song_model.ask,
        identity=fingerprint(directory, *trained),
    )


class ExportedModel:
    """A version that `export` wrote, answering in this process.

    Args:
        directory: of the version.

    Attributes:
        branches: that it holds.

    Raises:
        InputError: `export` did not write it, or it cannot be loaded.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / SIGNATURES_FILE
        if not path.is_file():
            raise InputError(f"{path}: expected a model of `songpop-tf export`, found no such file")
        described = read_json(path)
        try:
            self.branches = list(described["configurations"])
            self._signatures = {
                signature: {side: _names(tensors) for side, tensors in sides.items()}
                for signature, sides in described["signatures"].items()
            }
        except KeyError as missing:
            raise InputError(
                f"{path}: expected the key {missing}, found none; export the run again"
            ) from None
        try:
            self._model = SavedModel(directory)
        except TensorFlowError as error:
            raise InputError(f"{directory}: expected a SavedModel, received {error}") from None

    def ask(self, signature: str, inputs: Inputs) -> list[tuple[float, float, float]]:
        """Put columns to a signature, see :data:`songpop_tf.serving.predict.Ask`."""
        columns = {name: _column(column) for name, column in inputs.items()}
        try:
            answer = self._model.ask(**self._signatures[signature], columns=columns)
        except TensorFlowError as error:
            raise RefusedError(str(error)) from None
        return answered_rows(answer)


def _names(tensors: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: described[TENSOR] for name, described in tensors.items()}


def _column(values: Sequence[Any]) -> Column:
    if isinstance(values[0], int):
        return np.array(values, np.int64)
    return [value.encode() if isinstance(value, str) else value for value in values]
