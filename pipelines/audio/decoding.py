"""Decode sound files to mono audio at 24 kHz, a block at a time."""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.errors import InputError
from pipelines.io import file_error

SUFFIXES = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64"}
    | {".wav", ".aac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wma"}
)
"""File name extensions of sound files in folders. Files are decoded by their content."""

_BLOCK_FRAMES = 2**17
_MIN_RATE, _MAX_RATE = 2_000, 768_000
_MAX_SAMPLE = 1e9
_SIGNATURES = {b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"%PDF": "a PDF"}


def read_audio(path: Path, max_seconds: float = math.inf) -> Iterator[Audio]:
    """Decode a sound file: average the channels, then resample to 24 kHz.

    WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF and others are decoded by libsndfile; M4A, AAC, WMA, WebM
    and video by FFmpeg, if the package ``av`` is installed.

    Args:
        path: of the file; its extension is ignored.
        max_seconds: longest audio that is decoded.

    Yields:
        ``(samples,)`` float32, nominally within -1 to 1.

    Raises:
        InputError: the file cannot be read, is longer, or holds no audio that can be decoded.
    """
    if error := file_error(path):
        raise InputError(f"{path}: {error}")
    rate, frames, blocks = _open(path)
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise InputError(
            f"{path}: expected a sample rate of {_MIN_RATE} to {_MAX_RATE} Hz, received {rate} Hz"
        )
    if frames > max_seconds * rate:
        raise InputError(
            f"{path}: expected at most {max_seconds / 60:.0f} minutes of audio, received "
            f"{frames / rate / 60:.0f}"
        )
    # High quality: the quick settings alias, or lose what is above 8 kHz.
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    samples = 0
    try:
        for block in blocks:
            samples += len(block)
            if samples > max_seconds * rate:
                raise InputError(
                    f"{path}: expected at most {max_seconds / 60:.0f} minutes of audio, received "
                    "more"
                )
            yield resampler.resample_chunk(_finite(block), last=False)
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{path}: expected audio, received damaged data after {samples / rate:.1f} s: {error}"
        ) from None
    if samples == 0:
        raise InputError(f"{path}: expected audio, received a file without samples")
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _finite(block: Audio) -> Audio:
    """Replace samples that are no numbers by silence, and limit the others."""
    numbers = np.nan_to_num(block, posinf=0.0, neginf=0.0)
    return np.clip(numbers, -_MAX_SAMPLE, _MAX_SAMPLE)


def _open(path: Path) -> tuple[int, int, Iterator[Audio]]:
    """Sample rate, number of samples (0 = unknown) and mono blocks of a file."""
    # By descriptor: names need not be UTF-8, and the extension does not count.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        file = soundfile.SoundFile(descriptor)
    except soundfile.LibsndfileError as error:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        if signature := _other_content(path):
            raise InputError(f"{path}: expected a sound file, received {signature}") from None
        return _open_with_ffmpeg(path, str(error))
    return file.samplerate, file.frames, _mono_blocks(file)


def _mono_blocks(file: soundfile.SoundFile) -> Iterator[Audio]:
    with file:
        # Not SoundFile.blocks: it repeats old samples where a file is truncated.
        while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield block.mean(axis=1)


def _other_content(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return "an empty file"
    return next((name for magic, name in _SIGNATURES.items() if head.startswith(magic)), "")


def _open_with_ffmpeg(path: Path, reason: str) -> tuple[int, int, Iterator[Audio]]:
    """As :func:`_open`, for what libsndfile does not decode."""
    try:
        import av
    except ModuleNotFoundError:
        raise InputError(
            f"{path}: expected a sound file in WAV, FLAC, Ogg, MP3 or another format of "
            f"libsndfile, received: {reason.rstrip('.')}; for M4A, AAC, WMA and WebM: "
            "pip install av"
        ) from None
    try:
        container = av.open(str(path.resolve()))  # a relative name may look like a URL
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: expected a sound file, received: {error.strerror}") from None
    if not container.streams.audio:
        container.close()
        raise InputError(f"{path}: expected a sound file, received one without audio")
    stream = container.streams.audio[0]
    return int(stream.rate), 0, _ffmpeg_blocks(container, stream, path)


def _ffmpeg_blocks(container: Any, stream: Any, path: Path) -> Iterator[Audio]:
    import av

    # Planar floats keep the channels apart. The decoder's priming samples have negative times.
    resampler = av.AudioResampler(format="fltp", rate=stream.rate)
    with container:
        try:
            for frame in container.decode(stream):
                start = 0 if frame.pts is None else int(frame.pts * frame.time_base * stream.rate)
                for converted in resampler.resample(frame):
                    yield converted.to_ndarray().mean(axis=0)[max(0, -start) :]
        except av.error.FFmpegError as error:
            raise InputError(f"{path}: expected audio, received damaged data: {error}") from None
