"""Drums: the sound of a hit, and hits added to a song."""

import numpy as np

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.synthetic.composition import Hits


def kick(rng: np.random.Generator) -> Audio:
    """A bass drum: a sine that falls to about 50 Hz, and the click of the beater."""
    seconds = _seconds(0.4)
    low, fall = rng.uniform(38.0, 60.0), rng.uniform(150.0, 400.0)
    turns = low * seconds + fall * 0.015 * (1 - np.exp(-seconds / 0.015))
    body = np.sin(2 * np.pi * turns) * np.exp(-seconds / rng.uniform(0.04, 0.09))
    click = _noise(seconds, rng, 1_500.0) * np.exp(-seconds / 0.004)
    return _normalize(body + rng.uniform(0.1, 0.3) * click)


def snare(rng: np.random.Generator) -> Audio:
    """A snare drum: the tone of the head, and the noise of the wires."""
    seconds = _seconds(0.3)
    head = np.sin(2 * np.pi * rng.uniform(170.0, 240.0) * seconds) * np.exp(-seconds / 0.05)
    wires = _noise(seconds, rng, 800.0) * np.exp(-seconds / rng.uniform(0.04, 0.09))
    return _normalize(0.3 * head + 0.35 * wires)


def hat(rng: np.random.Generator) -> Audio:
    """A closed hi-hat: a short burst of high noise."""
    seconds = _seconds(0.15)
    burst = _noise(seconds, rng, 6_000.0) * np.exp(-seconds / rng.uniform(0.015, 0.05))
    return _normalize(burst)


def add_hits(audio: Audio, hits: Hits, sound: Audio, gain: float) -> None:
    """Add the hits of one drum to a song in place.

    Args:
        audio: ``(samples,)`` float32, 24 kHz.
        hits: parts outside the song are left out.
        sound: ``(samples,)`` of one hit.
        gain: of all hits.
    """
    for start, hit_gain in zip(hits.starts.tolist(), hits.gains.tolist(), strict=True):
        first = round(start * SAMPLE_RATE)
        end = min(first + sound.size, audio.size)
        if 0 <= first < end:
            audio[first:end] += sound[: end - first] * np.float32(gain * hit_gain)


def _seconds(length: float) -> Audio:
    return np.arange(round(length * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _noise(seconds: Audio, rng: np.random.Generator, cutoff: float) -> Audio:
    """Noise with root mean square 1, white from the cutoff on, falling by 12 dB an octave below."""
    spectrum = np.fft.rfft(rng.standard_normal(seconds.size))
    hertz = np.fft.rfftfreq(seconds.size, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * np.minimum(hertz / cutoff, 1.0) ** 2, seconds.size)
    return np.asarray(noise / np.sqrt((noise**2).mean()), np.float32)


def _normalize(sound: Audio) -> Audio:
    return np.asarray(sound / np.abs(sound).max(), np.float32)
