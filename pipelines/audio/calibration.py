"""Compare gray levels of spectrograms with those of the data set, and calibrate to them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.grayscale import (
    Histogram,
    Pixels,
    fit_curve,
    gray_histogram,
    grayscale_warning,
)
from pipelines.audio.synchrosqueezing import ROWS
from pipelines.errors import InputError

MIN_ORIGINALS, MAX_ORIGINALS = 30, 200
"""Fewer songs do not tell the gray levels of a data set from those of its songs."""
MAX_CALIBRATION_SONGS = 30
CHECKED_FILES = 20
"""Spectrograms of a folder whose gray levels are checked, evenly spread."""


def calibrated_curve(originals: Path, files: Sequence[Path]) -> Pixels:
    """Fit the gray levels of sound files to those of original spectrograms.

    Args:
        originals: folder of at least 30 PNG files of the data set, not resized.
        files: sound files; up to 30 of them, evenly spread, are drawn for the comparison.

    Raises:
        InputError: there are too few originals, one is none, or no sound file can be drawn.
    """
    histograms = [_original_histogram(path) for path in _find_originals(originals)]
    converted = []
    for file in _evenly_spread(files, MAX_CALIBRATION_SONGS):
        try:
            converted.append(gray_histogram(audio_spectrogram(file)))
        except InputError:
            continue  # reported when all files are converted
    if not converted:
        raise InputError(f"{files[0]}: expected a sound file to calibrate with, found none usable")
    return fit_curve(histograms, converted)


def folder_warning(paths: Sequence[Path]) -> str:
    """Say in one line if spectrogram files have other gray levels than the data set; else "".

    Args:
        paths: PNG files that can be decoded; at most 20 of them are read.
    """
    return grayscale_warning(
        [gray_histogram(read_gray(path)) for path in _evenly_spread(paths, CHECKED_FILES)]
    )


def read_gray(path: Path) -> Pixels:
    """Read an image file as 8-bit gray ``(rows, columns)``.

    Raises:
        InputError: it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # 16 bits, which Pillow would clip
                return (np.asarray(image).astype(np.uint32) // 257).clip(0, 255).astype(np.uint8)
            return np.asarray(image.convert("L"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected an image file, received: {error}") from None


def _find_originals(directory: Path) -> Sequence[Path]:
    paths = sorted(directory.rglob("*.png"))
    if len(paths) < MIN_ORIGINALS:
        raise InputError(
            f"{directory}: expected at least {MIN_ORIGINALS} original spectrograms, found "
            f"{len(paths)}"
        )
    return _evenly_spread(paths, MAX_ORIGINALS)


def _original_histogram(path: Path) -> Histogram:
    image = read_gray(path)
    if image.shape[0] != ROWS or not image.any():
        raise InputError(
            f"{path}: expected an original spectrogram of {ROWS} rows, received an image of "
            f"{image.shape[0]} x {image.shape[1]}{'' if image.any() else ', all black'}"
        )
    return gray_histogram(image)


def _evenly_spread(paths: Sequence[Path], count: int) -> Sequence[Path]:
    return paths[:: max(1, len(paths) // count)][:count]
