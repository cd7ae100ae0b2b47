"""Calibrate gray levels to a folder of original spectrograms."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.grayscale import Pixels, fit_curve, load_originals
from pipelines.errors import InputError

MAX_CALIBRATION_SONGS = 30


def calibrated_curve(originals: Path, files: Sequence[Path]) -> Pixels:
    """Fit the gray levels of sound files to those of original spectrograms.

    Args:
        originals: folder of at least 30 PNG files of the data set, not resized.
        files: sound files; up to 30 of them, evenly spread, are drawn for the comparison.

    Raises:
        InputError: there are too few originals, or no sound file can be drawn.
    """
    images = load_originals(originals)
    interval = max(1, len(files) // MAX_CALIBRATION_SONGS)
    converted = []
    for file in files[::interval][:MAX_CALIBRATION_SONGS]:
        try:
            converted.append(audio_spectrogram(file))
        except InputError:
            continue  # reported when all files are converted
    if not converted:
        raise InputError(f"{files[0]}: expected a sound file to calibrate with, found none usable")
    return fit_curve(images, converted)
