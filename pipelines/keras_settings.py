"""The settings of Keras and TensorFlow that all models share, whatever other projects have set.

``~/.keras/keras.json`` and environment variables change the backend, the precision and the number
of epochs of every program that imports Keras. Both packages call `apply_keras_settings` when they
are imported, which is before they import Keras.
"""

import os
import sys
from pathlib import Path
from typing import Any

_OTHER_PROJECTS = ("KERAS_", "KERASTUNER_", "TF_ENABLE_", "TF_USE_LEGACY_KERAS")
"""Prefixes of the environment variables that are removed."""
_HOME = "KERAS_HOME"
_OWN_FOLDER = "songpop_tf"
_EXPECTED = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""By name of the function of ``keras.config``."""


def apply_keras_settings() -> None:
    """Set what Keras reads when it is imported; if it is imported already, check its settings.

    Raises:
        ImportError: Keras is already imported with other settings.
    """
    if (keras := sys.modules.get("keras")) is not None:
        _check(keras)
        return
    # Not Path.home(): it fails for a user without a home folder.
    home = Path(os.environ.get(_HOME) or os.path.expanduser("~/.keras"))
    for name in [name for name in os.environ if name.startswith(_OTHER_PROJECTS)]:
        del os.environ[name]
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Keras reads keras.json from this folder and keeps downloads there. A process that another one
    # of this program started has it already.
    os.environ[_HOME] = str(home if home.name == _OWN_FOLDER else home / _OWN_FOLDER)


def _check(keras: Any) -> None:
    received = {name: getattr(keras.config, name)() for name in _EXPECTED}
    received["dtype_policy"] = received["dtype_policy"].name
    for name, value in received.items():
        if value != _EXPECTED[name]:
            raise ImportError(
                f"keras.config.{name}(): expected {_EXPECTED[name]}, received {value}, with which "
                "Keras was imported before this package; import this package first, or remove "
                "the setting from keras.json and the environment variables KERAS_*",
                name="keras",
            )
