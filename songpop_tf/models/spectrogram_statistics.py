"""Statistics of a spectrogram that describe sound and rhythm, as Keras operations.

They have no weights. Music information retrieval has used their like for decades: spectral shape,
onset strength (Bello et al. 2005, doi:10.1109/TSA.2005.851998), spectral contrast (Jiang et al.
2002) and the Fourier tempogram (Grosche & Müller 2011, doi:10.1109/TASL.2010.2096216).
"""

import math
from typing import Any

import numpy as np
from keras import ops

from pipelines.audio.synchrosqueezing import COLUMNS_PER_SECOND

TEMPO_HERTZ = np.geomspace(0.8, 8.0, 32).astype(np.float32)
"""Frequencies of the tempogram: 48 to 480 beats a minute."""
_TINY = 1e-4


def spectrogram_statistics(x: Any, columns: Any) -> Any:
    """Compute all statistics.

    Args:
        x: ``(batch, time, bands)`` log amplitudes, the bands in order of frequency.
        columns: ``(batch,)`` int64, width of the image before resizing, 200 columns a second.

    Returns:
        ``(batch, 4 * bands + 31)``: mean, standard deviation and onset strength of each band,
        contrast of adjacent bands, and the tempogram of 32 frequencies.
    """
    onsets = ops.relu(x[:, 1:] - x[:, :-1])
    contrast = ops.mean(ops.abs(x[:, :, 1:] - x[:, :, :-1]), axis=1)
    strength = ops.mean(onsets, axis=-1)
    statistics = [mean_and_std(x), ops.mean(onsets, axis=1), contrast]
    return ops.concatenate([*statistics, tempogram(strength, columns)], axis=-1)


def mean_and_std(x: Any) -> Any:
    """Mean and standard deviation over time, ``(batch, time, n)`` -> ``(batch, 2 n)``."""
    # The small constant keeps the gradient of the square root finite at variance 0.
    std = ops.sqrt(ops.var(x, axis=1) + 1e-3)
    return ops.concatenate([ops.mean(x, axis=1), std], axis=-1)


def tempogram(strength: Any, columns: Any) -> Any:
    """How strongly the onsets repeat at each tempo.

    Args:
        strength: ``(batch, time)`` of the onsets of songs that are resized to the same time axis.
        columns: ``(batch,)`` int64, width of the image before resizing, 200 columns a second.

    Returns:
        ``(batch, 32)`` log magnitude of the Fourier transform at `TEMPO_HERTZ`, relative to the
        onsets' standard deviation; for long songs, whose time steps are too coarse for a tempo, the
        value for no repetition at all.
    """
    steps = strength.shape[1]
    seconds = ops.cast(columns, "float32")[:, None, None] / COLUMNS_PER_SECOND
    # Centered, so that the phases stay small: they are float32.
    time = (np.arange(steps, dtype=np.float32) - steps / 2)[:, None] / (steps + 1)
    phase = (2 * math.pi) * seconds * time * TEMPO_HERTZ
    centered = (strength - ops.mean(strength, axis=1, keepdims=True))[:, :, None]
    real, imaginary = (
        ops.mean(centered * wave, axis=1) for wave in (ops.cos(phase), ops.sin(phase))
    )
    deviation = ops.std(strength, axis=1, keepdims=True) + _TINY
    magnitude = ops.sqrt(real**2 + imaginary**2 + _TINY**2 * deviation**2) / deviation
    nyquist_hertz = steps / (2 * seconds[:, :, 0])
    return ops.log(_TINY + ops.where(nyquist_hertz > TEMPO_HERTZ, magnitude, 0.0))
