"""One sound file to one spectrogram."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from pipelines.audio import audio_spectrogram as module
from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
from pipelines.audio.grayscale import to_grayscale
from pipelines.audio.synchrosqueezing import SAMPLE_RATE, SynchrosqueezedTransform
from pipelines.errors import InputError
from tests.pipelines.audio.signals import chirp, tone


def test_spectrogram_of_a_file(tmp_path: Path) -> None:
    sound = np.stack([chirp(60, 5000, 2.0), np.zeros(2 * SAMPLE_RATE)], axis=1)
    soundfile.write(tmp_path / "a.wav", sound, SAMPLE_RATE, "FLOAT")
    image = audio_spectrogram(tmp_path / "a.wav")
    assert image.shape == (256, 400)
    mono = to_grayscale(SynchrosqueezedTransform()(sound.mean(axis=1).astype(np.float32)))
    np.testing.assert_array_equal(image, mono)


def test_png_holds_the_image(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440), SAMPLE_RATE)
    image = audio_spectrogram(tmp_path / "a.wav")
    decoded = tf.io.decode_png(encode_png(image), channels=1)[:, :, 0]
    np.testing.assert_array_equal(decoded, image)


def test_unusable_sounds_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {
        "silence": np.zeros(SAMPLE_RATE),
        "at least 0.16 s": tone(440, 0.1),
    }
    for reason, sound in cases.items():
        soundfile.write(tmp_path / "a.wav", sound, SAMPLE_RATE)
        with pytest.raises(InputError, match=rf"a\.wav: expected.*{reason}"):
            audio_spectrogram(tmp_path / "a.wav")
    monkeypatch.setattr(module, "MAX_COLUMNS", 100)
    soundfile.write(tmp_path / "a.wav", tone(440, 1.0), SAMPLE_RATE)
    with pytest.raises(InputError, match="at most 0.0 minutes of audio"):
        audio_spectrogram(tmp_path / "a.wav")
