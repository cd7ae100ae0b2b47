"""Sound files whose headers say what is not so, or whose data is damaged."""

import io
import struct

import numpy as np
import soundfile

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from tests.corpus.damage import Files, bit_flipped, labelled, other_formats, overwritten, truncated
from tests.pipelines.audio.signals import noise, tone

FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64")
_SECONDS = 0.5


def encode(sound: Audio, file_format: str, rate: int = SAMPLE_RATE) -> bytes:
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=file_format)
    return file.getvalue()


def song(seed: int) -> Audio:
    """A short sound that every format can hold."""
    return 0.3 * tone(440, _SECONDS) + noise(_SECONDS, seed)


def damaged_in_every_format(seed: int, count: int) -> Files:
    """Each format cut, with changed bits in its first bytes, and with bad sectors."""
    files: Files = {}
    for name in FORMATS:
        content = encode(song(seed), name)
        files |= labelled(name.lower(), truncated(content, count + 1))
        files |= labelled(name.lower(), bit_flipped(content[:200], count, seed, rest=content[200:]))
        files |= labelled(name.lower(), overwritten(content, count, seed))
    return files


def wav(
    *,
    sound_format: int = 1,
    channels: int = 1,
    rate: int = SAMPLE_RATE,
    bits: int = 16,
    data: bytes = bytes(2000),
    size: int | None = None,
) -> bytes:
    """A WAV file whose header need not be true."""
    frame = channels * bits // 8
    header = struct.pack(
        "<HHIIHH", sound_format, channels, rate, min(rate * frame, 2**32 - 1), frame % 2**16, bits
    )
    length = len(data) if size is None else size
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", length) + data
    return b"RIFF" + struct.pack("<I", min(len(chunks) + 4, 2**32 - 1)) + b"WAVE" + chunks


def impossible_headers() -> Files:
    """Rates, channels and sizes of no recording."""
    samples = encode(song(0), "WAV")[44:]
    return {
        "no_channels": wav(channels=0, data=samples),
        "1024_channels": wav(channels=1024, data=samples * 100),
        "65535_channels": wav(channels=65535, data=samples),
        "rate_of_0": wav(rate=0, data=samples),
        "rate_of_1_hertz": wav(rate=1, data=samples),
        "rate_of_4_gigahertz": wav(rate=2**32 - 1, data=samples),
        "0_bits": wav(bits=0, data=samples),
        "7_bits": wav(bits=7, data=samples),
        "64_bits_of_integers": wav(bits=64, data=samples),
        "unknown_coding": wav(sound_format=0x1234, data=samples),
        "said_to_be_4_gigabytes": wav(data=samples, size=2**32 - 1),
        "said_to_be_2_gigabytes": wav(data=samples, size=2**31),
        "said_to_be_empty": wav(data=samples, size=0),
        "no_data": wav(data=b""),
        "only_a_header": wav()[:44],
        "odd_number_of_bytes": wav(data=samples[:1001]),
    }


def without_sound(seed: int) -> Files:
    """Whole files that hold no song."""
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)
    return {
        "silence": encode(quiet, "WAV"),
        "silence_in_flac": encode(quiet, "FLAC"),
        "almost_silence": _floats(np.full_like(quiet, 1e-9)),
        "not_a_number": _floats(np.full_like(quiet, np.nan)),
        "infinite": _floats(np.full_like(quiet, np.inf)),
        "too_short": encode(tone(440, 0.05), "WAV"),
        "one_sample": encode(tone(440)[:1], "WAV"),
        "no_samples": encode(tone(440)[:0], "WAV"),
        "only_tags": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10),
        "tags_of_256_megabytes": b"ID3\x04\0\0" + b"\x7f" * 4 + encode(song(seed), "MP3"),
        "22_minutes_in_a_small_file": encode(np.zeros(22 * 60 * 8000, np.float32), "FLAC", 8000),
        "hours_in_a_small_file": encode(np.zeros(3 * 3600 * 2000, np.float32), "FLAC", 2000),
    }


def _floats(sound: Audio) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def broken_sounds(seed: int, count: int) -> Files:
    """All sounds; each is named, or used as far as it can be decoded.

    Args:
        seed: of their content and the places of damage.
        count: of files with damage at random places, of each kind and format.
    """
    return {
        **impossible_headers(),
        **without_sound(seed),
        **damaged_in_every_format(seed, count),
        **other_formats(seed),
    }
