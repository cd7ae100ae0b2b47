"""Gray levels of sound files are calibrated to original spectrograms."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.audio.calibration import (
    CALIBRATION_FILE,
    MIN_ORIGINALS,
    calibrated_curve,
    folder_curve,
    folder_warning,
    read_gray,
)
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


def write_originals(directory: Path, image: np.ndarray, count: int = MIN_ORIGINALS) -> Path:
    directory.mkdir(exist_ok=True)
    for number in range(count):
        Image.fromarray(image).save(directory / f"{number}.png")
    return directory


def test_calibration_needs_a_usable_sound(tmp_path: Path) -> None:
    originals = write_originals(tmp_path, np.full((256, 40), 7, np.uint8))
    (tmp_path / "a.mp3").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.mp3: expected a sound file to calibrate with"):
        calibrated_curve(originals, [tmp_path / "a.mp3"])


@pytest.mark.parametrize(
    ("image", "count", "message"),
    [
        (np.full((256, 40), 7, np.uint8), 3, "at least 30 original spectrograms, found 3"),
        (np.zeros((256, 40), np.uint8), 30, "received an image of 256 x 40, all black"),
        (np.full((100, 40), 7, np.uint8), 30, "256 rows, received an image of 100 x 40"),
    ],
)
def test_other_images_are_no_originals(
    tmp_path: Path, image: np.ndarray, count: int, message: str
) -> None:
    write_originals(tmp_path, image, count)
    with pytest.raises(InputError, match=message):
        calibrated_curve(tmp_path, [tmp_path / "a.mp3"])


def test_image_depths_have_the_same_levels(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "8.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "16.png")
    np.testing.assert_array_equal(read_gray(tmp_path / "8.png"), levels)
    np.testing.assert_array_equal(read_gray(tmp_path / "16.png"), levels)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(InputError, match=r"text\.png: expected an image file"):
        read_gray(tmp_path / "text.png")


def test_folder_of_another_gray_scale_is_recognized(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {"linear": rng.exponential(3, (64, 90)), "decibels": rng.normal(120, 30, (64, 90))}
    for name, image in images.items():
        for number in range(45):
            levels = np.clip(image, 0, 255).astype(np.uint8)
            Image.fromarray(levels).save(tmp_path / f"{name}{number}.png")
    assert folder_warning(sorted(tmp_path.glob("linear*.png"))) == ""
    assert "received 120" in folder_warning(sorted(tmp_path.glob("decibels*.png")))


def test_curve_of_a_folder_is_stored_and_used_again(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.5 * noise(1.0), SAMPLE_RATE)
    originals = write_originals(tmp_path / "originals", np.full((256, 40), 7, np.uint8))
    curve = folder_curve(tmp_path / "out", originals, [tmp_path / "a.wav"])
    # Neither originals nor files are needed any more.
    stored = folder_curve(tmp_path / "out", None, [])
    np.testing.assert_array_equal(stored, curve)


def test_folder_without_calibration_is_linear(tmp_path: Path) -> None:
    assert folder_curve(tmp_path, None, []) is None


def test_folder_of_linear_spectrograms_cannot_be_calibrated(tmp_path: Path) -> None:
    originals = write_originals(tmp_path / "originals", np.full((256, 40), 7, np.uint8))
    (tmp_path / "out").mkdir()
    Image.new("L", (40, 256)).save(tmp_path / "out" / "a.png")
    with pytest.raises(InputError, match="received one with linear gray levels"):
        folder_curve(tmp_path / "out", originals, [])


@pytest.mark.parametrize("content", ["[]", '{"gray_levels": [0, 300]}', '{"gray_levels": [0]}'])
def test_stored_curve_must_have_256_gray_levels(tmp_path: Path, content: str) -> None:
    (tmp_path / CALIBRATION_FILE).write_text(content)
    with pytest.raises(InputError, match="expected 256 gray levels from 0 to 255"):
        folder_curve(tmp_path, None, [])
