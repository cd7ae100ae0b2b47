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
    to_8_bits,
)
from pipelines.audio.synchrosqueezing import ROWS
from pipelines.errors import InputError
from pipelines.io import read_json, write_json
from pipelines.tables.folder_files import list_files

MIN_ORIGINALS, MAX_ORIGINALS = 30, 200
"""Fewer songs do not tell the gray levels of a data set from those of its songs."""
MAX_CALIBRATION_SONGS = 30
CHECKED_FILES = 20
"""Spectrograms of a folder whose gray levels are checked, evenly spread."""
CALIBRATION_FILE = "calibration.json"
"""In a folder of spectrograms: the curve that all of them were drawn with."""


def folder_curve(directory: Path, originals: Path | None, files: Sequence[Path]) -> Pixels | None:
    """The curve of a folder of spectrograms: the stored one, else a new one, which is stored.

    Spectrograms that are added to a folder later get the same gray levels as the first ones.

    Args:
        directory: of the spectrograms that are drawn.
        originals: as of :func:`calibrated_curve`; None not to fit a curve.
        files: as of :func:`calibrated_curve`.

    Returns:
        ``(256,)`` uint8; None for linear gray levels.

    Raises:
        InputError: no curve can be fitted, the stored one cannot be read, or the folder has
            spectrograms that were drawn without one.
    """
    path = directory / CALIBRATION_FILE
    if path.is_file():
        return _load_curve(path)
    if originals is None:
        return None
    if directory.is_dir() and any(list_files(directory, [".png"])):
        raise InputError(
            f"{directory}: expected a folder without spectrograms to calibrate, received one with "
            "linear gray levels"
        )
    curve = calibrated_curve(originals, files)
    write_json(path, {"gray_levels": curve.tolist()})
    return curve


def _load_curve(path: Path) -> Pixels:
    content = read_json(path)
    levels = content.get("gray_levels") if isinstance(content, dict) else None
    if (
        not isinstance(levels, list)
        or len(levels) != 256
        or any(level not in range(256) for level in levels)
    ):
        raise InputError(f"{path}: expected 256 gray levels from 0 to 255, received other content")
    return np.array(levels, np.uint8)


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
                return to_8_bits(np.asarray(image).astype(np.uint16))
            return np.asarray(image.convert("L"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected an image file, received: {error}") from None


def _find_originals(directory: Path) -> Sequence[Path]:
    paths, _ = list_files(directory, [".png"]) if directory.is_dir() else ([], [])
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
