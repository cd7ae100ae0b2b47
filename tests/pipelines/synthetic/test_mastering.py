"""Room, noise floor, compression and fades on sounds with known answers."""

import numpy as np
import pytest

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.synthetic.mastering import add_noise_floor, add_room, compress, fade, limit

SECOND = SAMPLE_RATE


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tone(seconds=2.0, hertz=440.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * SECOND)) / SECOND).astype("f4")


def test_room_adds_the_energy_asked_for_after_the_sound(rng):
    click = np.zeros(2 * SECOND, np.float32)
    click[SECOND // 2] = 1.0
    wet = add_room(click, 0.3, 0.8, rng) - click
    assert np.abs(wet[: SECOND // 2]).max() < 1e-6
    assert (wet**2).sum() == pytest.approx(0.3, rel=1e-3)
    early, late = (wet[SECOND // 2 + start :][: SECOND // 10] for start in (0, SECOND // 4))
    assert early.std() > 3 * late.std()


def test_noise_floor_is_pink_and_of_the_level_asked_for(rng):
    audio = tone()
    noise = add_noise_floor(audio, -20.0, rng) - audio
    assert noise.std() / audio.std() == pytest.approx(0.1, rel=0.02)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[round(2 * f) : round(4 * f)].sum() for f in (100, 200, 400, 800, 1600)]
    # Equal energy in each octave.
    assert max(octaves) < 1.5 * min(octaves)


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_compression_raises_the_ratio_of_levels_to_a_power(strength):
    audio = np.concatenate([0.1 * tone(), tone()])
    compressed = compress(audio, strength)
    soft, loud = (part[SECOND : 3 * SECOND // 2].std() for part in np.split(compressed, 2))
    assert soft / loud == pytest.approx(0.1 ** (1 - strength), rel=0.05)


def test_limiter_keeps_soft_sounds_and_bounds_loud_ones():
    audio = tone()
    np.testing.assert_allclose(limit(audio, 0.01), 0.01 * audio, atol=1e-5)
    assert 0.99 < np.abs(limit(audio, 10.0)).max() <= 1.0


def test_fades_are_silent_at_both_ends_and_keep_the_middle(rng):
    audio = np.ones(10 * SECOND, np.float32)
    faded = fade(audio, rng)
    assert faded[0] == faded[-1] == 0.0
    assert np.all(faded[2 * SECOND : 8 * SECOND] == 1.0)
