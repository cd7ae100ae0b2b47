"""Sounds with known spectrograms."""

import numpy as np

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio


def time_axis(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def tone(hertz: float, seconds: float = 1.0) -> Audio:
    return np.sin(2 * np.pi * hertz * time_axis(seconds)).astype(np.float32)


def chirp(first_hertz: float, last_hertz: float, seconds: float) -> Audio:
    """Its frequency grows exponentially with time: a straight line on the logarithmic axis."""
    t = time_axis(seconds)
    rate = np.log(last_hertz / first_hertz) / seconds
    phase = 2 * np.pi * first_hertz * (np.exp(rate * t) - 1) / rate
    return np.sin(phase).astype(np.float32)


def clicks(times: list[float], seconds: float) -> Audio:
    sound = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    sound[(np.array(times) * SAMPLE_RATE).astype(int)] = 1.0
    return sound


def noise(seconds: float, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)
