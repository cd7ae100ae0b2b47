"""Small models of each kind, with inputs for six songs."""

from collections.abc import Callable

import keras
import numpy as np

from pipelines.constants import HISTORY_LENGTH
from pipelines.metadata.artist_history import HISTORY_FEATURES
from pipelines.spectrograms.statistics import STATISTICS
from songpop_tf.config import FusionConfig, MetadataEncoderConfig, SpectrogramCNNConfig
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn

SONGS, TOKENS, VOCABULARY_SIZE, MEAN_POPULARITY = 6, 12, 90, 40.0
SMALL_CNN = SpectrogramCNNConfig(bands=16, filters=(4, 8))
SMALL_ENCODER = MetadataEncoderConfig(
    vocabulary_size=200, tokens=TOKENS, layers=1, heads=2, width=8, text_dropout=0.0
)
TARGETS = np.array([[5.0], [20.0], [35.0], [55.0], [70.0], [90.0]])


def small_cnn() -> keras.Model:
    return spectrogram_cnn(SMALL_CNN, mean_popularity=MEAN_POPULARITY)


def small_encoder() -> keras.Model:
    return metadata_encoder(VOCABULARY_SIZE, SMALL_ENCODER)


def small_fusion(frozen: bool) -> keras.Model:
    return fusion_model(small_cnn(), small_encoder(), FusionConfig(), frozen=frozen)


MODELS: dict[str, Callable[[], keras.Model]] = {
    "cnn": small_cnn,
    "encoder": small_encoder,
    "fusion": lambda: small_fusion(frozen=False),
    "frozen fusion": lambda: small_fusion(frozen=True),
}


def inputs_for(model: keras.Model) -> dict[str, np.ndarray]:
    """Those of the inputs that the model has; the year baseline is the mean popularity."""
    rng = np.random.default_rng(0)
    inputs = {
        "spectrogram": rng.integers(0, 256, (SONGS, 256, 1024)).astype("float32"),
        "columns": np.array([400, 30_000, 36_007, 41_000, 48_000, 90_000]),
        "statistics": rng.uniform(0, 1, (SONGS, STATISTICS)).astype("float32"),
        "artist": rng.integers(5, VOCABULARY_SIZE, (SONGS, TOKENS)),
        "title": rng.integers(5, VOCABULARY_SIZE, (SONGS, TOKENS)),
        "year": np.array([0, 1958, 1977, 1990, 2008, 2021]),
        "is_pretraining": np.zeros(SONGS, int),
        "artist_count": np.array([0, 1, 2, 3, 1, 1]),
        "year_baseline": np.full(SONGS, MEAN_POPULARITY, "float32"),
        "history": rng.uniform(0, 1, (SONGS, HISTORY_LENGTH, HISTORY_FEATURES)).astype("float32"),
    }
    return {tensor.name: inputs[tensor.name] for tensor in model.inputs}


def call(model: keras.Model, inputs: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    """Output in inference mode, without the seconds that `predict` takes to trace a graph."""
    output: np.ndarray = keras.ops.convert_to_numpy(model(inputs, training=False))
    return output
