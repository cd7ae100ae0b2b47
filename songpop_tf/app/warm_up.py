"""Make a model ready before the first song is dropped on the page."""

import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from songpop_tf.app.songs import song_html
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song

_RATE, _SECONDS = 24_000, 12
"""Long enough that its image is resized and its statistics have whole windows."""


def warm_up(backend: Backend) -> None:
    """Explain and predict a made-up song: on the first, libraries are imported and graphs built.

    Raises:
        InputError: the model cannot predict it.
    """
    with TemporaryDirectory(prefix="songpop-") as folder:
        audio = Path(folder) / "noise.wav"
        _write_noise(audio)
        predictor = Predictor(backend)
        song = Song("Artist", "Title", 2000, audio=audio if predictor.reads_spectrograms else None)
        song_html(backend, song)
        predictor.predict_songs([song])  # as for the files of the second tab: another signature


def _write_noise(path: Path) -> None:
    samples = np.random.default_rng(0).normal(0.0, 3000.0, _RATE * _SECONDS).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
