"""Small image files for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Return a random gray image, mostly dark with bright points as in the data set."""
    return (np.random.default_rng(seed).random((rows, columns)) ** 6 * 255).astype("uint8")


def cover(image: np.ndarray, first: int, last: int, top: int, bottom: int) -> np.ndarray:
    """Fill a patch, its last pixels included, with the mean of the row outside; else with 0."""
    others = np.delete(image, np.s_[first : last + 1], axis=1)
    fill = np.rint(others.mean(axis=1)) if others.size else np.zeros(len(image))
    covered = image.copy()
    covered[top : bottom + 1, first : last + 1] = fill[top : bottom + 1, np.newaxis]
    return covered


def encode_image(image: np.ndarray, image_format: str = "PNG") -> bytes:
    """Return the bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, image_format)
    return file.getvalue()


def write_png(path: Path, image: np.ndarray) -> Path:
    """Write a PNG file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(image))
    return path
