"""One sound file to one spectrogram."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.audio.decoding import read_audio
from pipelines.audio.grayscale import Pixels, clip_level, to_grayscale
from pipelines.audio.synchrosqueezing import (
    COLUMNS_PER_SECOND,
    ROWS,
    SynchrosqueezedTransform,
)
from pipelines.errors import InputError

MIN_COLUMNS = 32
MAX_COLUMNS = 64 * 2**20 // ROWS
"""Largest spectrogram that the models read: 21 minutes."""
SILENCE = 1e-6
"""Amplitude of the brightest pixels, -120 dB of full scale, below which there is only rounding."""
_PNG_COMPRESSION = 1
"""zlib level: higher ones save 15 % of the file and take longer than the transform."""


@lru_cache(maxsize=1)
def shared_transform() -> SynchrosqueezedTransform:
    """The transform, made once in a process."""
    return SynchrosqueezedTransform()


def audio_spectrogram(path: Path, curve: Pixels | None = None) -> Pixels:
    """Decode a sound file and draw its spectrogram as in the data set.

    Args:
        path: of the sound file.
        curve: gray levels of a calibrated data set, see
            :func:`pipelines.audio.grayscale.fit_curve`.

    Returns:
        ``(256, columns)``, 200 columns a second, low frequencies at the bottom.

    Raises:
        InputError: the file cannot be decoded, is silent, or is too short or too long for a song.
    """
    audio = read_audio(path, max_seconds=MAX_COLUMNS / COLUMNS_PER_SECOND)
    pieces = list(shared_transform().stream(audio))
    columns = sum(len(piece) for piece in pieces)
    if columns < MIN_COLUMNS:
        raise InputError(
            f"{path}: expected at least {MIN_COLUMNS / COLUMNS_PER_SECOND:.2f} s of audio, "
            f"received {columns / COLUMNS_PER_SECOND:.2f} s"
        )
    amplitudes = np.concatenate(pieces)
    if clip_level(amplitudes) < SILENCE:
        raise InputError(f"{path}: expected sound, received silence")
    return to_grayscale(amplitudes, curve)


def encode_png(image: Pixels) -> bytes:
    """Encode a grayscale image as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=_PNG_COMPRESSION)
    return buffer.getvalue()
