"""The statistics on spectrograms with known answers."""

import numpy as np
import pytest

from songpop_tf.models.spectrogram_statistics import (
    TEMPO_HERTZ,
    mean_and_std,
    spectrogram_statistics,
    tempogram,
)

STEPS, BANDS = 1024, 8


def columns(seconds: float, count: int = 1) -> np.ndarray:
    return np.full(count, round(200 * seconds))


def clicks(hertz: float, seconds: float) -> np.ndarray:
    """Onsets at one tempo, ``(1, 1023)``."""
    time = np.arange(STEPS - 1) / STEPS * seconds
    return (np.diff(np.floor(time * hertz), append=0) > 0).astype(np.float32)[None]


def test_mean_and_deviation_equal_those_of_numpy() -> None:
    x = np.random.default_rng(0).normal(size=(2, 50, 3)).astype(np.float32)
    expected = np.concatenate([x.mean(axis=1), x.std(axis=1)], axis=-1)
    np.testing.assert_allclose(mean_and_std(x), expected, atol=2e-3)


def test_number_and_order_of_the_statistics() -> None:
    x = np.zeros((2, STEPS, BANDS), np.float32)
    # One band is constantly bright, another has one onset.
    x[0, :, 2] = 0.5
    x[1, 512:, 5] = 1.0
    result = np.asarray(spectrogram_statistics(x, columns(5.0, 2)))
    assert result.shape == (2, 4 * BANDS + 31)
    assert np.isfinite(result).all()
    assert result[0, :BANDS].argmax() == 2
    onsets = result[:, 2 * BANDS : 3 * BANDS]
    assert onsets[0].max() == 0.0
    assert onsets[1].argmax() == 5
    contrast = result[0, 3 * BANDS : 4 * BANDS - 1]
    np.testing.assert_allclose(contrast, [0, 0.5, 0.5, 0, 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("seconds", [6.0, 12.0, 30.0])
@pytest.mark.parametrize("hertz", [TEMPO_HERTZ[10], TEMPO_HERTZ[20]])
def test_clicks_are_a_peak_at_their_tempo(hertz: float, seconds: float) -> None:
    result = np.asarray(tempogram(clicks(float(hertz), seconds), columns(seconds)))[0]
    # Clicks are as strong at multiples of their tempo.
    peak = int(result[: np.searchsorted(TEMPO_HERTZ, 1.5 * hertz)].argmax())
    assert TEMPO_HERTZ[peak] == pytest.approx(hertz, rel=0.08)


def test_tempi_beyond_the_resolution_of_a_long_song_are_left_out() -> None:
    result = np.asarray(tempogram(clicks(1.0, 240.0), columns(240.0)))[0]
    too_fast = TEMPO_HERTZ > 1023 / 480
    assert too_fast.any()
    np.testing.assert_allclose(result[too_fast], np.log(1e-4), rtol=1e-5)
    assert result[~too_fast].max() > np.log(1e-2)


def test_silence_is_finite() -> None:
    result = np.asarray(tempogram(np.zeros((1, STEPS - 1), np.float32), columns(10.0)))
    assert np.isfinite(result).all()
