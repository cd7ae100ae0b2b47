"""The last steps of a song's production: room, noise floor, compression, fades."""

import numpy as np
from scipy import signal

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.synthetic.song_attributes import AudioAttributes

_FRAME = SAMPLE_RATE // 100
"""Samples between two gains of the compressor, 10 ms."""


def compression(attributes: AudioAttributes) -> float:
    """Return the compression of the master, 0 (wide dynamics, -20 dB) to 1 (loud, -2 dB)."""
    return float(np.clip((attributes.loudness + 20.0) / 18.0, 0.0, 1.0))


def add_room(audio: Audio, wet: float, seconds: float, rng: np.random.Generator) -> Audio:
    """Add reverberation: noise that decays exponentially, high frequencies faster than low ones.

    Args:
        audio: ``(samples,)`` float32, 24 kHz.
        wet: energy of the reverberation, relative to the direct sound.
        seconds: until the reverberation has fallen by 60 dB.
        rng: generator of the room.
    """
    time = np.arange(round(0.7 * seconds * SAMPLE_RATE)) / SAMPLE_RATE
    impulse = rng.standard_normal(time.size) * np.exp(-6.9 * time / seconds)
    impulse = signal.lfilter([0.4], [1.0, -0.6], impulse)
    impulse *= np.sqrt(wet / (impulse**2).sum())
    reverberation = signal.oaconvolve(audio, impulse.astype(np.float32))[: audio.size]
    return np.asarray(audio + reverberation, np.float32)


def add_noise_floor(audio: Audio, decibels: float, rng: np.random.Generator) -> Audio:
    """Add pink noise of a level relative to the song's root mean square.

    The filter that makes white noise pink is that of J. O. Smith, "Spectral Audio Signal
    Processing", synthesis of 1/f noise.
    """
    white = rng.standard_normal(audio.size, dtype=np.float32)
    pink = signal.lfilter(
        [0.049922035, -0.095993537, 0.050612699, -0.004408786],
        [1.0, -2.494956002, 2.017265875, -0.522189400],
        white,
    )
    level = np.sqrt((audio**2).mean() / (pink**2).mean()) * 10 ** (decibels / 20)
    return np.asarray(audio + level * pink, np.float32)


def compress(audio: Audio, strength: float) -> Audio:
    """Even out the level: the song's gain is its level raised to a negative power.

    Args:
        audio: ``(samples,)`` float32, 24 kHz.
        strength: 0 changes nothing, 1 makes all parts equally loud.
    """
    frames = np.pad(audio, (0, -audio.size % _FRAME)).reshape(-1, _FRAME)
    power = signal.lfilter([0.15], [1.0, -0.85], (frames**2).mean(axis=1))
    level = np.sqrt(power / power.max() + 1e-4)
    centers = (np.arange(len(frames)) + 0.5) * _FRAME
    gain = np.interp(np.arange(audio.size), centers, level**-strength)
    return np.asarray(audio * gain, np.float32)


def limit(audio: Audio, drive: float) -> Audio:
    """Saturate peaks: the hyperbolic tangent of ``drive`` times the normalized song."""
    peak = np.quantile(np.abs(audio), 0.999)
    return np.asarray(np.tanh(audio * np.float32(drive / peak)), np.float32)


def fade(audio: Audio, rng: np.random.Generator) -> Audio:
    """Begin and end with silence, a fade-in and a fade-out."""
    seconds = audio.size / SAMPLE_RATE
    silence = min(rng.uniform(0.1, 0.6), seconds / 16)
    fade_in = min(rng.uniform(0.05, 0.5), seconds / 16)
    fade_out = min(rng.uniform(1.0, 6.0), seconds / 8)
    time = np.arange(audio.size) / SAMPLE_RATE
    rise, fall = (time - silence) / fade_in, (seconds - silence - time) / fade_out
    return np.asarray(audio * np.clip(np.minimum(rise, fall), 0.0, 1.0), np.float32)
