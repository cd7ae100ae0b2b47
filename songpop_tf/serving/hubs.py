"""Models on Hugging Face and Kaggle: ``hf://USER/MODEL``, ``kaggle://USER/MODEL/keras/VARIATION``.

The URIs are those of KerasHub. What is downloaded stays in the caches of both client libraries.
"""

import os
from pathlib import Path

from pipelines.errors import InputError
from pipelines.extras import require_extra
from pipelines.file_errors import translating
from pipelines.io import StrPath
from songpop_tf.serving.schema import TASK_FILE

_HUGGING_FACE, _KAGGLE = "hf://", "kaggle://"
_FORMS = "hf://USER/MODEL or kaggle://USER/MODEL/keras/VARIATION"
_MAX_LENGTH = 300


def is_hub_uri(source: StrPath) -> bool:
    """Whether ``source`` names a model on Hugging Face or Kaggle."""
    return isinstance(source, str) and source.startswith((_HUGGING_FACE, _KAGGLE))


def local_folder(source: StrPath) -> Path:
    """Return a folder, or download a model of a hub and return its folder in the cache.

    Args:
        source: a folder, ``hf://USER/MODEL`` or ``kaggle://USER/MODEL/keras/VARIATION[/VERSION]``.

    Raises:
        InputError: the client library is not installed, or the hub has no such model.
    """
    if not is_hub_uri(source):
        return Path(source)
    uri = os.fspath(source)
    handle = _handle(uri)
    with translating(lambda error: f"{uri}: expected a model, received {_in_one_line(error)}"):
        if uri.startswith(_HUGGING_FACE):
            import huggingface_hub

            return Path(huggingface_hub.snapshot_download(handle))
        import kagglehub

        return Path(kagglehub.model_download(handle))


def upload_preset(uri: str, preset: StrPath) -> None:
    """Upload the folder of a preset, its model card included.

    Unlike `keras_hub.upload_preset`, it does not replace ``README.md`` by a generated one.

    Args:
        uri: ``hf://USER/MODEL`` or ``kaggle://USER/MODEL/keras/VARIATION``; created if need be.
        preset: folder written by ``save_to_preset`` or ``songpop-tf export --format preset``.

    Raises:
        InputError: the folder holds no preset, the client library is not installed, or the hub
            does not accept the upload.
    """
    folder = Path(preset)
    if not (folder / TASK_FILE).is_file():
        raise InputError(f"{folder}: expected a preset, received a folder without {TASK_FILE}")
    if not is_hub_uri(uri):
        raise InputError(f"uri: expected {_FORMS}, received {uri}")
    handle = _handle(uri)
    with translating(lambda error: f"{uri}: expected to be uploaded: {_in_one_line(error)}"):
        if uri.startswith(_HUGGING_FACE):
            import huggingface_hub

            created = huggingface_hub.create_repo(handle, exist_ok=True)
            huggingface_hub.upload_folder(repo_id=created.repo_id, folder_path=folder)
        else:
            import kagglehub

            kagglehub.model_upload(handle, str(folder))


def _handle(uri: str) -> str:
    """What follows the scheme, once the client library is known to be installed."""
    if uri.startswith(_HUGGING_FACE):
        require_extra(uri, "huggingface_hub", "hubs")
        return uri.removeprefix(_HUGGING_FACE)
    require_extra(uri, "kagglehub", "hubs")
    return uri.removeprefix(_KAGGLE)


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_MAX_LENGTH]
