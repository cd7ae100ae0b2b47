"""The frequencies of each drum, and hits in a song."""

import numpy as np
import pytest

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.synthetic.composition import Hits
from pipelines.synthetic.drums import add_hits, hat, kick, snare


def median_hertz(sound):
    """The frequency below which half of the energy is."""
    power = np.cumsum(np.abs(np.fft.rfft(sound)) ** 2)
    return float(np.searchsorted(power, power[-1] / 2) * SAMPLE_RATE / sound.size)


@pytest.mark.parametrize(
    ("drum", "low", "high"), [(kick, 30, 200), (snare, 500, 9000), (hat, 5000, 12_000)]
)
def test_each_drum_has_its_band_and_decays(drum, low, high):
    sound = drum(np.random.default_rng(0))
    assert np.abs(sound).max() == pytest.approx(1.0)
    assert low < median_hertz(sound) < high
    assert np.abs(sound[-240:]).max() < 0.06


def test_hits_are_added_where_they_start():
    audio = np.zeros(1000, np.float32)
    sound = np.ones(100, np.float32)
    starts = np.array([-50, 200, 250, 950, 2000]) / SAMPLE_RATE
    add_hits(audio, Hits(starts, np.array([1.0, 1.0, 0.5, 1.0, 1.0])), sound, 2.0)
    expected = np.zeros(1000)
    expected[200:300] += 2.0
    expected[250:350] += 1.0
    expected[950:] += 2.0
    np.testing.assert_allclose(audio, expected)
