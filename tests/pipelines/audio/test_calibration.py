"""Gray levels of sound files are calibrated to original spectrograms."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.calibration import calibrated_curve
from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.errors import InputError
from tests.pipelines.audio.signals import chirp, noise


def test_calibrated_levels_are_those_of_the_originals(tmp_path: Path) -> None:
    sound = chirp(50, 9000, 2.0) + noise(2.0)
    soundfile.write(tmp_path / "a.wav", 0.5 * sound, SAMPLE_RATE, "FLOAT")
    (tmp_path / "originals").mkdir()
    linear = audio_spectrogram(tmp_path / "a.wav")
    for number in range(30):
        squared = np.rint(255 * (linear / 255.0) ** 2).astype(np.uint8)
        Image.fromarray(squared).save(tmp_path / "originals" / f"{number}.png")
    curve = calibrated_curve(tmp_path / "originals", [tmp_path / "a.wav"])
    difference = audio_spectrogram(tmp_path / "a.wav", curve).astype(int) - squared
    assert np.abs(difference).mean() < 2


def test_calibration_needs_a_usable_sound(tmp_path: Path) -> None:
    for number in range(30):
        Image.fromarray(np.zeros((256, 40), np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "a.mp3").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.mp3: expected a sound file to calibrate with"):
        calibrated_curve(tmp_path, [tmp_path / "a.mp3"])
