"""Sound files of many formats become the same audio; what is no sound file is named."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.audio.decoding import read_audio
from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.errors import InputError
from tests.pipelines.audio.signals import chirp, tone

FORMATS = [
    ("a.wav", "PCM_U8", 0.02),
    ("a.wav", "PCM_16", 1e-3),
    ("a.wav", "PCM_24", 1e-3),
    ("a.wav", "PCM_32", 1e-3),
    ("a.wav", "FLOAT", 1e-3),
    ("a.wav", "DOUBLE", 1e-3),
    ("a.flac", "PCM_16", 1e-3),
    ("a.aiff", "PCM_16", 1e-3),
    ("a.ogg", "VORBIS", 0.05),
    ("a.mp3", "MPEG_LAYER_III", 0.05),
]


def decode(path: Path) -> Audio:
    return np.concatenate(list(read_audio(path)))


def error_of(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        decode(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: expected")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("name", "subtype", "tolerance"), FORMATS)
def test_every_format_gives_the_same_audio(
    tmp_path: Path, name: str, subtype: str, tolerance: float
) -> None:
    sound = 0.5 * chirp(100, 4000, 1.0)
    soundfile.write(tmp_path / name, sound, SAMPLE_RATE, subtype)
    audio = decode(tmp_path / name)
    assert audio.dtype == np.float32
    assert abs(len(audio) - len(sound)) <= 2400, "some encoders pad the end"
    error = np.sqrt(np.mean((audio[: len(sound)] - sound[: len(audio)]) ** 2))
    assert error < tolerance


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_every_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    time = np.arange(rate) / rate
    soundfile.write(tmp_path / "a.wav", np.sin(2 * np.pi * 440 * time), rate, "FLOAT")
    audio = decode(tmp_path / "a.wav")
    assert abs(len(audio) - SAMPLE_RATE) <= 1
    inner = slice(1000, -1000)
    np.testing.assert_allclose(audio[inner], tone(440)[: len(audio)][inner], atol=5e-3)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (SAMPLE_RATE, channels))
    soundfile.write(tmp_path / "a.wav", sound, SAMPLE_RATE, "FLOAT")
    np.testing.assert_allclose(decode(tmp_path / "a.wav"), sound.mean(axis=1), atol=1e-4)


def test_extension_does_not_matter(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(440), SAMPLE_RATE)
    (tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    assert len(decode(tmp_path / "a.mp3")) == SAMPLE_RATE


def test_samples_that_are_no_numbers_are_silent(tmp_path: Path) -> None:
    sound = tone(440)
    sound[100:200] = np.nan
    sound[300] = np.inf
    sound[400] = 1e30
    soundfile.write(tmp_path / "a.wav", sound, SAMPLE_RATE, "FLOAT")
    assert np.isfinite(decode(tmp_path / "a.wav")).all()


def test_longer_audio_than_wanted_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 2.0), SAMPLE_RATE)
    assert len(np.concatenate(list(read_audio(tmp_path / "a.wav", max_seconds=2.0)))) > 0
    with pytest.raises(InputError, match=r"a\.wav: expected at most 0.0 minutes of audio"):
        next(read_audio(tmp_path / "a.wav", max_seconds=1.5))


def test_truncated_file_gives_what_is_there_or_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", tone(440, 10), SAMPLE_RATE, format="MP3")
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])
    assert 4 < len(decode(tmp_path / "a.mp3")) / SAMPLE_RATE < 6


@pytest.mark.parametrize(
    ("name", "content", "received"),
    [
        ("empty.mp3", b"", "an empty file"),
        ("picture.mp3", b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        ("photo.wav", b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG image"),
        ("paper.flac", b"%PDF-1.7" + bytes(100), "a PDF"),
        ("pointer.flac", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes, received: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert f"received {received}" in error_of(tmp_path / name)


def test_text_is_not_audio(tmp_path: Path) -> None:
    (tmp_path / "notes.mp3").write_text("not a sound\n" * 100)
    error_of(tmp_path / "notes.mp3")


def test_file_without_samples_and_missing_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), SAMPLE_RATE)
    assert "without samples" in error_of(tmp_path / "a.wav")
    assert "expected a readable file" in error_of(tmp_path / "missing.wav")


def write_m4a(path: Path, sound: Audio) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def test_m4a_is_decoded_without_its_encoder_delay(tmp_path: Path) -> None:
    sound = 0.5 * chirp(100, 4000, 2.0)
    write_m4a(tmp_path / "a.m4a", sound)
    audio = decode(tmp_path / "a.m4a")
    inner = slice(4000, 40_000)
    shifts = range(-200, 201)
    errors = [
        np.mean((audio[inner.start + shift : inner.stop + shift] - sound[inner]) ** 2)
        for shift in shifts
    ]
    assert abs(shifts[int(np.argmin(errors))]) <= 2


def test_without_pyav_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_m4a(tmp_path / "a.m4a", tone(440))
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install av" in error_of(tmp_path / "a.m4a")


def test_video_without_sound_is_named(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    assert "received one without audio" in error_of(tmp_path / "a.mp4")


def test_a_file_that_cannot_be_opened_closes_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.mp3").write_text("not a sound\n" * 100)
    closed = []
    close = os.close
    monkeypatch.setattr(os, "close", lambda descriptor: closed.append(close(descriptor)))
    error_of(tmp_path / "notes.mp3")
    assert closed == [], "the descriptor belongs to the stream alone"


def test_files_are_closed_when_the_audio_is_not_read_to_its_end(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 10), SAMPLE_RATE)
    before = len(os.listdir("/dev/fd"))
    audio = read_audio(tmp_path / "a.wav")
    next(audio)
    audio.close()
    with pytest.raises(InputError, match="at most"):
        next(read_audio(tmp_path / "a.wav", max_seconds=1.0))
    assert len(os.listdir("/dev/fd")) == before
