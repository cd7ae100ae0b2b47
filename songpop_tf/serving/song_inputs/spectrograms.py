"""Inputs for spectrograms, as `pipelines.spectrograms.loading.file_inputs` with TensorFlow."""

from typing import Any

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 256, 1024
STATISTICS = 448


def spectrogram_inputs(images: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of spectrograms that have the network's size already.

    Args:
        images: ``(songs, 256, 1024)``, uint8 or float, 0-255, low frequencies at the bottom.

    Returns:
        ``spectrogram``: ``(songs, 256, 1024)`` float32 from 0, the most frequent level, to 255, the
        highest one; ``columns``, ``(songs,)``, and ``statistics``, ``(songs, 448)``: zeros, that is
        unknown.

    Raises:
        ValueError: the images have another shape.
    """
    if images.ndim != 3 or images.shape[1:] != (ROWS, COLUMNS):
        raise ValueError(f"images: expected (songs, {ROWS}, {COLUMNS}), received {images.shape}")
    levels = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    return {
        "spectrogram": np.stack([_restore_black(image) for image in levels]),
        "columns": np.zeros(len(images), np.int64),
        "statistics": np.zeros((len(images), STATISTICS), np.float32),
    }


def _restore_black(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Set the most frequent level to 0 and the highest one to 255."""
    black = np.bincount(image.reshape(-1), minlength=256).argmax()
    darker = np.maximum(image.astype(np.float32) - np.float32(black), 0)
    highest = darker.max()
    scaled: npt.NDArray[np.float32] = darker / highest * np.float32(255) if highest else darker
    return np.rint(scaled)
