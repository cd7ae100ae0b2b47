"""Open whatever a folder holds that can predict: a training run, or an exported model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import read_json
from songpop_tf.serving.names import (
    GRAPH,
    METADATA_ONLY,
    OUTPUTS,
    SIGNATURES_FILE,
    WITH_SPECTROGRAM,
    Signature,
    versions,
)
from songpop_tf.serving.predict import Ask, Inputs, Predictor

_DTYPES = {"year": tf.int64}


def open_predictor(directory: Path) -> Predictor:
    """Open a training run, an exported model (its newest version), or one version of it.

    Raises:
        InputError: the folder holds none of them, or a run without a finished model.
    """
    if (directory / GRAPH).is_file():
        return _exported(directory)
    if found := versions(directory):
        return open_predictor(directory / str(found[-1]))
    # An exported model does without KerasHub, which takes a while to import.
    from songpop_tf.serving.signatures import SongModel
    from songpop_tf.training.run import Run

    model = SongModel(Run.open(directory))
    return Predictor(str(directory), list(model.configurations), asking(model.signatures))


def _exported(directory: Path) -> Predictor:
    import tensorflow_text  # noqa: F401  registers the tokenizer's operations

    path = directory / SIGNATURES_FILE
    if not path.is_file():
        raise InputError(f"{path}: expected a model of `songpop-tf export`, found no such file")
    described = read_json(path)
    loaded = tf.saved_model.load(str(directory))
    signatures = {name: loaded.signatures[name] for name in (METADATA_ONLY, WITH_SPECTROGRAM)}
    return Predictor(str(directory), list(described["configurations"]), asking(signatures))


def asking(signatures: Mapping[str, Signature]) -> Ask:
    """What puts columns to signatures in this process."""

    def ask(signature: str, inputs: Inputs) -> list[tuple[float, float, float]]:
        tensors = {
            name: tf.constant(column, _DTYPES.get(name, tf.string))
            for name, column in inputs.items()
        }
        answer = signatures[signature](**tensors)
        rows = np.stack([answer[output].numpy() for output in OUTPUTS], axis=1)
        return [tuple(row) for row in rows.astype("float64").tolist()]

    return ask
