"""Open a model for prediction: a training run, an export, a preset, or a model on a server or hub.

Imports the module of a backend only when it is needed: TensorFlow and KerasHub take seconds.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import InputError
from pipelines.io import StrPath
from songpop_tf.serving.hubs import is_hub_uri, local_folder
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.pretrained import pretrained_model
from songpop_tf.serving.schema import TASK_FILE, newest_version

_URL_FORMS = "http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"


def load(source: StrPath | None = None) -> Predictor:
    """Load a model for prediction.

    Args:
        source: a training run, an exported model (its newest version), one version of it, or a
            preset; one of the last two on Hugging Face or Kaggle, ``hf://USER/MODEL`` or
            ``kaggle://USER/MODEL/keras/VARIATION``; or the URL of a served one,
            ``http://HOST:8501/v1/models/NAME`` or ``grpc://HOST:8500/NAME``. None is the
            pre-trained model that is installed with the package.

    Raises:
        InputError: there is no such model, or no server responds.
    """
    if source is None:
        return open_predictor(pretrained_model())
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"source: expected a folder or a URL, received {type(source).__name__}")
    if is_hub_uri(source):
        return open_predictor(local_folder(source))
    if isinstance(source, str) and "://" in source:
        return connect(source)
    return open_predictor(source)


def open_predictor(directory: StrPath) -> Predictor:
    """Open a training run, an exported model (its newest version), one version of it, or a preset.

    Raises:
        InputError: the folder holds none of them, or a run without a finished model.
    """
    directory = Path(directory)
    if version := newest_version(directory):
        from songpop_tf.serving.saved_model_backend import SavedModelBackend

        return Predictor(SavedModelBackend(version))
    from songpop_tf.serving.run_backend import RunBackend

    if (directory / TASK_FILE).is_file():
        from songpop_tf.serving.preset import Preset

        return Predictor(RunBackend(Preset.open(directory)))
    from songpop_tf.training.run import Run

    return Predictor(RunBackend(Run.open(directory)))


def connect(url: str) -> Predictor:
    """Open a model on a server.

    Args:
        url: as of `songpop_tf.serving.rest_client.RestBackend` or
            `songpop_tf.serving.grpc_client.GrpcBackend`.

    Raises:
        InputError: the URL has another form, no server responds, or its model was not written by
            `songpop-tf export`.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"url: expected {_URL_FORMS}, received {url}: {error}") from None
    if parts.scheme == "grpc" and parts.netloc:
        from songpop_tf.serving.grpc_client import GrpcBackend

        return Predictor(GrpcBackend(url))
    if parts.scheme in ("http", "https") and "/v1/models/" in parts.path:
        from songpop_tf.serving.rest_client import RestBackend

        return Predictor(RestBackend(url))
    raise InputError(f"url: expected {_URL_FORMS}, received {url}")
