"""Notes as sound: pitch, timing, timbre."""

import numpy as np
import pytest

from pipelines.audio.synchrosqueezing import SAMPLE_RATE
from pipelines.synthetic.composition import Notes
from pipelines.synthetic.instruments import Instrument, pitch_to_hertz, play_notes

ORGAN = Instrument(tilt=1.0, dark_tilt=1.0, attack=0.01, decay=100.0)
SECOND = SAMPLE_RATE


def play(instrument, *notes, seconds=2.0):
    audio = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    columns = (np.array(values, float) for values in zip(*notes, strict=True))
    play_notes(audio, Notes(*columns), instrument, np.random.default_rng(0))
    return audio


def spectrum_peaks(audio, count):
    """The frequencies of the strongest bins, in Hz."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size)))
    return np.sort(np.argsort(spectrum)[-count:]) * SAMPLE_RATE / audio.size


def test_pitch_to_hertz():
    assert pitch_to_hertz(69) == 440.0
    assert pitch_to_hertz(57) == pytest.approx(220.0)


@pytest.mark.parametrize("pitch", [40.0, 69.0, 88.0])
def test_note_has_its_pitch(pitch):
    audio = play(ORGAN, (0.0, 2.0, pitch, 1.0))
    (strongest,) = spectrum_peaks(audio, 1)
    assert strongest == pytest.approx(pitch_to_hertz(pitch), abs=1)


def test_high_notes_are_not_aliased():
    # The harmonics of 3520 Hz below 10.8 kHz are three; aliases would lie elsewhere.
    audio = play(Instrument(0.0, 0.0, attack=0.01, decay=100.0), (0.0, 2.0, 105.0, 1.0))
    power = np.abs(np.fft.rfft(audio * np.hanning(audio.size))) ** 2
    hertz = np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE)
    is_harmonic = np.abs(hertz - 3520 * np.rint(hertz / 3520)) < 10
    assert power[~is_harmonic].sum() < 1e-3 * power.sum()


def test_note_sounds_from_its_start_to_its_end():
    audio = play(ORGAN, (0.5, 0.5, 69.0, 1.0))
    assert np.abs(audio[: SECOND // 2]).max() == 0.0
    assert audio[SECOND * 6 // 10 : SECOND * 9 // 10].std() > 0.3
    assert np.abs(audio[round(1.05 * SECOND) :]).max() == 0.0


def test_parts_outside_the_song_are_left_out():
    audio = play(ORGAN, (-1.0, 0.5, 69.0, 1.0), (1.5, 9.0, 69.0, 1.0), (3.0, 1.0, 69.0, 1.0))
    assert np.abs(audio[: round(1.5 * SECOND)]).max() == 0.0
    assert audio[-1000:].std() > 0.3


def test_high_harmonics_decay_faster():
    audio = play(Instrument(0.5, 2.5, attack=0.01, decay=100.0), (0.0, 2.0, 57.0, 1.0))
    start, end = audio[: SECOND // 4], audio[-SECOND // 2 : -SECOND // 4]

    def brightness(part):
        return float(np.abs(np.diff(part)).mean() / np.abs(part).mean())

    assert brightness(start) > 1.5 * brightness(end)


def test_glide_begins_at_the_pitch_before():
    glide = Instrument(1.0, 1.0, attack=0.001, decay=100.0, glide=1.0)
    audio = play(glide, (0.0, 0.1, 57.0, 0.0), (0.5, 1.4, 69.0, 1.0))
    note = audio[SECOND // 2 :]
    first, last = (np.abs(np.diff(np.sign(part))).sum() for part in (note[:480], note[4800:5280]))
    assert first < last


def test_attack_noise_is_at_the_start_only():
    noisy = Instrument(1.0, 1.0, attack=0.001, decay=100.0, attack_noise=1.0)
    plain = Instrument(1.0, 1.0, attack=0.001, decay=100.0)
    difference = np.abs(play(noisy, (0.0, 2.0, 57.0, 1.0)) - play(plain, (0.0, 2.0, 57.0, 1.0)))
    assert difference[:240].max() > 0.05
    assert difference[2400:].max() < 1e-5
