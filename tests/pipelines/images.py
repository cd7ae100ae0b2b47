"""Small image files for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """A sparse gray image."""
    return (np.random.default_rng(seed).random((rows, columns)) ** 6 * 255).astype("uint8")


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def write_png(path: Path, image: np.ndarray) -> Path:
    """Write an image where a test wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(image))
    return path
