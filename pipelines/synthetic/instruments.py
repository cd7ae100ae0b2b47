"""Instruments with a pitch: notes to audio by wavetable synthesis.

A wavetable holds one period of a tone. A note reads it at the speed of its pitch, which may glide
from the note before and vibrate. Two tables, a bright and a dark one, are blended while the note
decays: higher harmonics decay faster, as on strings. Harmonics above the Nyquist frequency are left
out of the tables, so that nothing is aliased.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.audio.synchrosqueezing import SAMPLE_RATE, Audio
from pipelines.synthetic.composition import Notes

TABLE_LENGTH = 16_384
"""Samples of a wavetable: reading the nearest one is exact to -50 dB for the 20th harmonic."""
_HARMONICS = 64
"""Of the lowest notes; higher ones have fewer below the Nyquist frequency."""
_HIGHEST_HERTZ = 0.45 * SAMPLE_RATE
_BRIGHT_SECONDS = 0.25
"""Time in which the difference to the dark table falls to 1/e."""
_RELEASE_SECONDS = 0.04
_VIBRATO_HERTZ, _VIBRATO_DELAY_SECONDS = 5.5, 0.15
_GLIDE_SECONDS = 0.03
_BURST_SECONDS = 0.01
# Frequencies and relative widths of the first three formants of the vowels a, e, i, o, u.
_FORMANT_HERTZ = np.array(
    [
        [800.0, 1150.0, 2900.0],
        [400.0, 1700.0, 2600.0],
        [300.0, 2200.0, 3000.0],
        [450.0, 800.0, 2830.0],
        [325.0, 700.0, 2700.0],
    ]
)
_FORMANT_GAINS = np.array([1.0, 0.6, 0.35])
_FORMANT_WIDTH = 0.18


@dataclass(frozen=True)
class Instrument:
    """The sound of an instrument.

    Attributes:
        tilt: exponent at which the strength of the harmonics decreases with their number.
        dark_tilt: the same at the end of the decay.
        attack: seconds until a note is at its loudest.
        decay: seconds in which a held note falls to 1/e.
        detune: half the distance in semitones between two oscillators; 0 for a single one.
        vibrato: largest deviation of the pitch in semitones.
        glide: 1 if a note begins at the pitch of the one before, 0 if at its own.
        attack_noise: amplitude of the noise of a note's attack: plectrum, hammer, consonant.
        is_voice: whether each note has the formants of a vowel.
    """

    tilt: float
    dark_tilt: float
    attack: float
    decay: float
    detune: float = 0.0
    vibrato: float = 0.0
    glide: float = 0.0
    attack_noise: float = 0.0
    is_voice: bool = False


def play_notes(
    audio: Audio, notes: Notes, instrument: Instrument, rng: np.random.Generator
) -> None:
    """Add notes to a song in place, at a random volume.

    Args:
        audio: ``(samples,)`` float32, 24 kHz.
        notes: of one instrument, in order; parts outside the song are left out.
        instrument: that plays them.
        rng: generator of volume, phases, vowels, vibrato and noise.
    """
    volume = rng.lognormal(0.0, 0.35)
    tables = _Wavetables(instrument, rng.uniform(0.0, 2.0 * np.pi, size=_HARMONICS))
    previous = np.concatenate([notes.pitches[:1], notes.pitches[:-1]])
    for start, length, pitch, gain, previous_pitch in zip(
        *(values.tolist() for values in notes), previous.tolist(), strict=True
    ):
        first = round(start * SAMPLE_RATE)
        count = min(round((length + _RELEASE_SECONDS) * SAMPLE_RATE), audio.size - first)
        if first < 0 or count < 1:
            continue
        vowel = int(rng.integers(len(_FORMANT_HERTZ))) if instrument.is_voice else None
        seconds = np.asarray(np.arange(count) / SAMPLE_RATE, np.float32)
        turns = _oscillator_turns(seconds, pitch, previous_pitch, instrument, rng)
        sound = _read_tables(seconds, turns, *tables.of(pitch, vowel))
        sound *= _envelope(seconds, length, instrument)
        _add_attack(sound, instrument.attack_noise, rng)
        audio[first : first + count] += sound * np.float32(volume * gain)


class _Wavetables:
    """The wavetables of an instrument; each is computed once.

    Args:
        instrument: whose sound they hold.
        phases: ``(64,)`` of the harmonics.
    """

    def __init__(self, instrument: Instrument, phases: NDArray[np.float64]) -> None:
        self._instrument = instrument
        self._phases = phases
        self._tables: dict[tuple[float, int | None], tuple[Audio, Audio]] = {}

    def of(self, pitch: float, vowel: int | None) -> tuple[Audio, Audio]:
        """The bright and the dark table, each ``(16384,)``."""
        key = (pitch, vowel)
        if key not in self._tables:
            tilts = (self._instrument.tilt, self._instrument.dark_tilt)
            bright, dark = (_wavetable(pitch, tilt, vowel, self._phases) for tilt in tilts)
            self._tables[key] = (bright, dark)
        return self._tables[key]


def _wavetable(pitch: float, tilt: float, vowel: int | None, phases: NDArray[np.float64]) -> Audio:
    """One period of a tone with root mean square 1, ``(16384,)``."""
    numbers = np.arange(1, _HARMONICS + 1)
    hertz = np.asarray(pitch_to_hertz(pitch) * numbers, np.float64)
    strength = numbers**-tilt * (hertz < _HIGHEST_HERTZ)
    if vowel is not None:
        strength *= _formants(hertz, vowel)
    spectrum = np.zeros(TABLE_LENGTH // 2 + 1, np.complex128)
    spectrum[1 : _HARMONICS + 1] = strength * np.exp(1j * phases)
    table = np.fft.irfft(spectrum, TABLE_LENGTH)
    return np.asarray(table / np.sqrt((table**2).mean()), np.float32)


def pitch_to_hertz(pitch: float) -> float:
    """Return the frequency of a MIDI number (69 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def _formants(hertz: NDArray[np.float64], vowel: int) -> NDArray[np.float64]:
    """Gain of the vocal tract at each frequency."""
    distance = np.log(hertz[:, None] / _FORMANT_HERTZ[vowel]) / _FORMANT_WIDTH
    return np.asarray(0.06 + (_FORMANT_GAINS * np.exp(-(distance**2))).sum(axis=1))


def _oscillator_turns(
    seconds: Audio,
    pitch: float,
    previous_pitch: float,
    instrument: Instrument,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """Periods since the start of the note at each sample, for each oscillator."""
    step = pitch_to_hertz(pitch) / SAMPLE_RATE
    turns = np.asarray(np.arange(1, seconds.size + 1) * step, np.float64)
    semitones = np.zeros_like(seconds)
    if instrument.glide:
        semitones += np.float32(previous_pitch - pitch) * np.exp(
            -seconds / np.float32(_GLIDE_SECONDS)
        )
    if instrument.vibrato:
        onset = np.minimum(seconds / np.float32(_VIBRATO_DELAY_SECONDS), 1) ** 2
        turn = np.float32(2.0 * np.pi * _VIBRATO_HERTZ * rng.uniform(0.85, 1.15))
        semitones += np.float32(instrument.vibrato) * onset * np.sin(turn * seconds)
    if instrument.glide or instrument.vibrato:
        deviation = np.expm1(semitones * np.float32(np.log(2) / 12))
        turns += np.cumsum(deviation, dtype=np.float64) * step
    if not instrument.detune:
        return [turns]
    ratio = 2.0 ** (instrument.detune / 12.0)
    return [turns * ratio, turns / ratio]


def _read_tables(
    seconds: Audio, oscillators: list[NDArray[np.float64]], bright: Audio, dark: Audio
) -> Audio:
    """The mean of the oscillators: bright at the start of the note, then more and more dark."""
    brightness = np.exp(seconds * np.float32(-1 / _BRIGHT_SECONDS))
    tone = np.zeros_like(seconds)
    for turns in oscillators:
        index = (turns * TABLE_LENGTH).astype(np.int64) & (TABLE_LENGTH - 1)
        dark_tone = dark[index]
        tone += dark_tone + brightness * (bright[index] - dark_tone)
    return tone / np.float32(len(oscillators))


def _envelope(seconds: Audio, length: float, instrument: Instrument) -> Audio:
    """Gain over the course of a note."""
    rise = np.minimum(seconds / np.float32(max(instrument.attack, 1e-3)), 1)
    release = np.clip((np.float32(length + _RELEASE_SECONDS) - seconds) / _RELEASE_SECONDS, 0, 1)
    envelope = rise * release * np.exp(seconds * np.float32(-1 / instrument.decay))
    return np.asarray(envelope, np.float32)


def _add_attack(sound: Audio, amplitude: float, rng: np.random.Generator) -> None:
    """Add a burst of noise at the start of a note, in place."""
    samples = min(round(6 * _BURST_SECONDS * SAMPLE_RATE), sound.size)
    decay = np.exp(np.arange(samples) * (-1 / (_BURST_SECONDS * SAMPLE_RATE)))
    burst = rng.standard_normal(samples) * decay * (amplitude * rng.uniform())
    sound[:samples] += burst.astype(np.float32)
