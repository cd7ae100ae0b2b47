"""Predict how popular a song will be from its spectrogram and its metadata.

    >>> model = songpop_tf.load()
    >>> model.predict(artist="Fleetwood Mac", title="Dreams", year=1977)

The names below are imported on first use, since TensorFlow takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Importing it applies the settings of Keras, which must precede `import keras` in any submodule.
import pipelines  # noqa: F401

if TYPE_CHECKING:
    from pipelines.errors import InputError
    from songpop_tf.commands import evaluate, train, tune
    from songpop_tf.config import (
        FitConfig,
        FusionConfig,
        MetadataEncoderConfig,
        RunConfig,
        SpectrogramCNNConfig,
        load_config,
    )
    from songpop_tf.estimator import SongPopularityRegressor
    from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
    from songpop_tf.serving.hubs import upload_preset
    from songpop_tf.serving.loading import load
    from songpop_tf.serving.predictor import Prediction, Predictor
    from songpop_tf.serving.song_popularity import SongPopularity
    from songpop_tf.training.configurations import CONFIGURATIONS, Configuration

__version__ = "0.2.0"

__all__ = [
    "CONFIGURATIONS",
    "Configuration",
    "FitConfig",
    "FusionConfig",
    "InputError",
    "MetadataEncoderConfig",
    "Prediction",
    "Predictor",
    "RunConfig",
    "SongPopularity",
    "SongPopularityRegressor",
    "SpectrogramCNNConfig",
    "evaluate",
    "fusion_model",
    "load",
    "load_config",
    "metadata_encoder",
    "spectrogram_cnn",
    "train",
    "tune",
    "upload_preset",
]

_NAMES = {
    "pipelines.errors": ("InputError",),
    "songpop_tf.commands": ("evaluate", "train", "tune"),
    "songpop_tf.config": (
        "FitConfig",
        "FusionConfig",
        "MetadataEncoderConfig",
        "RunConfig",
        "SpectrogramCNNConfig",
        "load_config",
    ),
    "songpop_tf.estimator": ("SongPopularityRegressor",),
    "songpop_tf.models": ("fusion_model", "metadata_encoder", "spectrogram_cnn"),
    "songpop_tf.serving.hubs": ("upload_preset",),
    "songpop_tf.serving.loading": ("load",),
    "songpop_tf.serving.predictor": ("Prediction", "Predictor"),
    "songpop_tf.serving.song_popularity": ("SongPopularity",),
    "songpop_tf.training.configurations": ("CONFIGURATIONS", "Configuration"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
