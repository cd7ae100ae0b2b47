"""The models of a run as an MLflow model: a preset, its signature, and how to load it.

MLflow finds `_load_pyfunc` by the name of this module, which it stores with the model.
"""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from songpop_tf.serving.export import export
from songpop_tf.serving.loading import load
from songpop_tf.serving.predictor import Prediction, Predictor
from songpop_tf.training.mlflow_log import MLflowLog
from songpop_tf.training.run import Run

MODEL_PATH = "model"
"""Artifact path of the model: ``mlflow.pyfunc.load_model("runs:/RUN_ID/model")``."""

_INPUTS = {"artist": "string", "title": "string", "year": "long"}
"""Columns of the model's input and MLflow's types of them."""
_EXAMPLE = {"artist": "Fleetwood Mac", "title": "Dreams", "year": 1977}


def log_model(log: MLflowLog, run: Run) -> None:
    """Log the best models of a run as one MLflow model with its signature.

    It takes a table with any of the columns artist, title and year, and returns one with the
    columns popularity, low and high. Paths of spectrograms are not among its inputs: a server of
    the model does not have the files.

    Args:
        log: of the run.
        run: with a text model.

    Raises:
        InputError: the run has no text model.
    """
    with warnings.catch_warnings():
        # Of type hints of its own.
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        import mlflow.pyfunc

    with TemporaryDirectory() as folder:
        preset = export(run, Path(folder) / "preset", "preset")
        model = Path(folder) / MODEL_PATH
        mlflow.pyfunc.save_model(
            str(model),
            loader_module=__name__,
            data_path=str(preset),
            signature=_signature(),
            input_example=pd.DataFrame([_EXAMPLE]),
            pip_requirements=["songpop-tf"],
        )
        log.log_folder(model, MODEL_PATH)


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    return ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for name, kind in _INPUTS.items()]),
        outputs=Schema([ColSpec("double", name) for name in Prediction._fields]),
    )


class _SongModel:
    """What MLflow calls."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict a table of songs; columns that it lacks are unknown."""
        del params
        return self._predictor.predict(model_input.reindex(columns=list(_INPUTS)))


def _load_pyfunc(data_path: str) -> _SongModel:
    return _SongModel(load(data_path))
