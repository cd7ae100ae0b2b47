"""The transform on sounds with known spectrograms, and against ssqueezepy."""

import itertools

import numpy as np
import pytest

from pipelines.audio.synchrosqueezing import (
    HIGHEST_HERTZ,
    LOWEST_HERTZ,
    ROW_HERTZ,
    SAMPLE_RATE,
    Audio,
    SynchrosqueezedTransform,
    morse_spectrum,
)
from tests.pipelines.audio.signals import chirp, clicks, noise, time_axis, tone


@pytest.fixture(scope="module")
def transform() -> SynchrosqueezedTransform:
    return SynchrosqueezedTransform()


def middle(amplitudes: Audio, seconds: float = 0.3) -> Audio:
    """Without the ends, which depend on the padding."""
    columns = int(seconds * 200)
    return amplitudes[columns:-columns]


def test_a_tone_is_one_row_at_every_semitone(transform: SynchrosqueezedTransform) -> None:
    semitones = LOWEST_HERTZ * 2 ** (np.arange(1, 12 * np.log2(400) - 1) / 12)
    for hertz in semitones[::3]:
        profile = middle(transform(tone(hertz))).mean(axis=0)
        row = int(np.argmin(np.abs(np.log(ROW_HERTZ / hertz))))
        assert abs(int(profile.argmax()) - row) <= 1, hertz
        near = profile[max(0, row - 1) : row + 2].sum()
        assert near > 0.95 * profile.sum(), hertz


def test_a_chirp_is_a_line(transform: SynchrosqueezedTransform) -> None:
    amplitudes = middle(transform(chirp(60, 9000, 4.0)))
    rows = amplitudes.argmax(axis=1)
    columns = np.arange(len(rows)) + 60
    expected = np.log(60 / LOWEST_HERTZ) + np.log(9000 / 60) * (columns + 0.5) / 800
    expected_rows = expected / np.log(HIGHEST_HERTZ / LOWEST_HERTZ) * 255
    assert np.abs(rows - expected_rows).max() < 2.5
    assert np.all(np.diff(rows) >= -1)


def test_two_clicks_are_two_columns(transform: SynchrosqueezedTransform) -> None:
    amplitudes = transform(clicks([0.5025, 0.9025], 1.5))
    high_rows = amplitudes[:, 200:250].sum(axis=1)
    assert sorted(np.argsort(high_rows)[-2:].tolist()) == [100, 180]
    assert high_rows[[100, 180]].sum() > 0.9 * high_rows.sum()


def test_amplitude_is_linear_and_does_not_depend_on_the_level(
    transform: SynchrosqueezedTransform,
) -> None:
    totals = [middle(transform(tone(hertz))).sum(axis=1).mean() for hertz in (100, 440, 1000, 4000)]
    np.testing.assert_allclose(totals, totals[0], rtol=0.03)
    quiet = transform(0.25 * chirp(100, 5000, 1.0))
    np.testing.assert_allclose(quiet, 0.25 * transform(chirp(100, 5000, 1.0)), atol=1e-4)


def test_silence_is_zero(transform: SynchrosqueezedTransform) -> None:
    assert transform(np.zeros(SAMPLE_RATE, np.float32)).max() < 1e-12


@pytest.mark.parametrize(("samples", "columns"), [(0, 0), (1, 0), (119, 0), (120, 1), (121, 1)])
def test_short_sounds(transform: SynchrosqueezedTransform, samples: int, columns: int) -> None:
    amplitudes = transform(noise(1.0)[:samples])
    assert amplitudes.shape == (columns, 256)
    assert np.isfinite(amplitudes).all()


@pytest.mark.parametrize("samples", [24_000, 115_200, 115_201, 122_160, 131_072, 300_000])
def test_result_does_not_depend_on_how_audio_is_read(
    transform: SynchrosqueezedTransform, samples: int
) -> None:
    sound = noise(13.0)[:samples]
    whole = transform(sound)
    assert whole.shape == (samples // 120, 256)
    cuts = np.random.default_rng(1).integers(0, samples, 7)
    blocks = np.split(sound, np.sort(cuts))
    streamed = np.concatenate(list(transform.stream(blocks)))
    np.testing.assert_array_equal(streamed, whole)


def test_memory_does_not_grow_with_length(transform: SynchrosqueezedTransform) -> None:
    # Endless audio: a stream that collected its input would never yield.
    pieces = transform.stream(itertools.repeat(np.zeros(24_000, np.float32)))
    assert [piece.shape for piece in itertools.islice(pieces, 3)] == [(960, 256)] * 3


def test_wavelet_peaks_at_two() -> None:
    ratio = np.linspace(0.5, 2, 3001)
    spectrum = morse_spectrum(ratio)
    assert ratio[spectrum.argmax()] == pytest.approx(1.0, abs=1e-3)
    assert spectrum.max() == pytest.approx(2.0)


def log_correlation(ours: Audio, reference: Audio, floor: float) -> float:
    ours, reference = ours / ours.max(), reference / reference.max()
    return float(
        np.corrcoef(
            np.log(np.maximum(ours, floor)).ravel(), np.log(np.maximum(reference, floor)).ravel()
        )[0, 1]
    )


def ssqueezepy_amplitudes(sound: Audio) -> Audio:
    """The reference, ``(columns, 256)``: each sample is squeezed, then columns are averaged."""
    ssqueezepy = pytest.importorskip("ssqueezepy", reason="the reference is not installed")
    peak = 20 ** (1 / 3)  # of the wavelet, in radians
    scales = peak * SAMPLE_RATE / (2 * np.pi * ROW_HERTZ[::-1])
    squeezed, *_ = ssqueezepy.ssq_cwt(
        sound,
        ("gmw", {"gamma": 3, "beta": 60}),
        scales=scales,
        fs=SAMPLE_RATE,
        ssq_freqs="log",
        maprange=(LOWEST_HERTZ, HIGHEST_HERTZ),
    )
    magnitude = np.abs(squeezed)[:, : len(sound) // 120 * 120]
    columns = magnitude.reshape(len(magnitude), -1, 120).mean(axis=2)
    return np.ascontiguousarray(columns.T[:, ::-1], dtype=np.float32)


@pytest.mark.filterwarnings("ignore")  # of ssqueezepy and numba
def test_agrees_with_ssqueezepy(transform: SynchrosqueezedTransform) -> None:
    t = time_axis(2.0)
    ladder = sum(tone(hertz, 2.0) for hertz in (55, 220, 880, 3520)) * np.float32(0.2)
    sounds = {
        "chirp": chirp(60, 9000, 2.0),
        "tones and clicks": ladder + clicks([0.6, 1.1, 1.4], 2.0),
        "noise": noise(2.0) * np.hanning(len(t)).astype(np.float32),
    }
    for name, sound in sounds.items():
        ours = middle(transform(sound))
        reference = middle(ssqueezepy_amplitudes(sound))
        assert log_correlation(ours, reference, 1e-3) > 0.97, name
        assert log_correlation(ours, reference, 1e-4) > 0.94, name
