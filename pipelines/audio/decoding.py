"""Decode sound files to mono audio at 24 kHz, a block at a time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.errors import InputError
from pipelines.file_errors import file_problem
from pipelines.io import file_error

SUFFIXES = frozenset(
    {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64"}
    | {".wav", ".aac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wma"}
)
"""File name extensions of sound files in folders. Files are decoded by their content."""

_BLOCK_FRAMES, _BLOCK_SAMPLES = 2**17, 2**20
"""Most frames of a block, and samples of all its channels."""
_MIN_RATE, _MAX_RATE = 2_000, 768_000
_MAX_SAMPLE = 1e9
_Opened = tuple[int, int, Iterator[Audio]]
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
    with _open(path) as opened:
        yield from _read(path, *opened, max_seconds)


def _read(
    path: Path, rate: int, frames: int, blocks: Iterator[Audio], max_seconds: float
) -> Iterator[Audio]:
    """Check and resample what `_open` yields."""
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise InputError(
            f"{path}: expected a sample rate of {_MIN_RATE} to {_MAX_RATE} Hz, received {rate} Hz"
        )
    limit = f"{path}: expected at most {max_seconds / 60:.1f} minutes of audio, received "
    if frames > max_seconds * rate:
        raise InputError(f"{limit}{frames / rate / 60:.1f}")
    # High quality: the quick settings alias, or lose what is above 8 kHz.
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    samples = 0
    try:
        for block in blocks:
            samples += len(block)
            if samples > max_seconds * rate:
                raise InputError(f"{limit}more")
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


@contextmanager
def _open(path: Path) -> Iterator[_Opened]:
    """Sample rate, number of samples (0 = unknown) and mono blocks of a file."""
    with path.open("rb") as stream:
        try:
            # By descriptor: names need not be UTF-8, and the extension does not count. Only the
            # stream closes it: libsndfile closes some of the files that it cannot open, and a
            # descriptor closed twice may be the file that another thread opened in between.
            file = soundfile.SoundFile(stream.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            reason = str(error)
        else:
            with file:
                yield file.samplerate, file.frames, _mono_blocks(file)
            return
    if signature := _other_content(path):
        raise InputError(f"{path}: expected a sound file, received {signature}")
    with _open_with_ffmpeg(path, reason) as opened:
        yield opened


def _mono_blocks(file: soundfile.SoundFile) -> Iterator[Audio]:
    frames = min(_BLOCK_FRAMES, _BLOCK_SAMPLES // file.channels)
    # Not SoundFile.blocks: it repeats old samples where a file is truncated.
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        yield block.mean(axis=1)


def _other_content(path: Path) -> str:
    if problem := file_problem(path):
        return problem
    with path.open("rb") as file:
        head = file.read(16)
    return next((name for magic, name in _SIGNATURES.items() if head.startswith(magic)), "")


@contextmanager
def _open_with_ffmpeg(path: Path, reason: str) -> Iterator[_Opened]:
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
    with container:
        if not container.streams.audio:
            raise InputError(f"{path}: expected a sound file, received one without audio")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise InputError(f"{path}: expected audio, received one of an unknown coding")
        yield int(stream.rate), 0, _ffmpeg_blocks(container, stream, path)


def _ffmpeg_blocks(container: Any, stream: Any, path: Path) -> Iterator[Audio]:
    import av

    # Planar floats keep the channels apart. The decoder's priming samples have negative times.
    resampler = av.AudioResampler(format="fltp", rate=stream.rate)
    try:
        for frame in container.decode(stream):
            start = 0 if frame.pts is None else int(frame.pts * frame.time_base * stream.rate)
            for converted in resampler.resample(frame):
                yield converted.to_ndarray().mean(axis=0)[max(0, -start) :]
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: expected audio, received damaged data: {error}") from None
