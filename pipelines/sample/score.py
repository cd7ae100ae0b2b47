"""The music of a song: its sections, chords, notes and drum hits on the column axis.

Everything is drawn from the song's generator within the limits that the traits set: two songs
of equal traits share a character, not a tune.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sample.canvas import COLUMNS_PER_SECOND, Floats, Integers, Notes
from pipelines.sample.traits import SoundTraits

BEATS_PER_BAR = 4
MAJOR_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
MINOR_SCALE = np.array([0, 2, 3, 5, 7, 8, 10])
# Degrees of the scale (0 = tonic), one chord a bar.
PROGRESSIONS = np.array([[0, 4, 5, 3], [0, 5, 3, 4], [0, 3, 4, 3], [5, 3, 0, 4], [0, 0, 3, 4]])
SECTION_ORDER = (0, 1, 2, 1, 2, 3, 2, 2)
# How loud each kind of section is before mastering: intro, verse, chorus, bridge.
SECTION_LEVEL = np.array([0.45, 0.68, 1.0, 0.52])
# Which kinds play with drums, with a melody: intro, verse, chorus, bridge.
SECTION_DRUMS = np.array([0.35, 1.0, 1.0, 0.45])
SECTION_MELODY = np.array([0.1, 0.85, 1.0, 0.5])


class Grid(NamedTuple):
    """The song's beats; arrays of one length, a row for each beat.

    Attributes:
        starts: float64, column of the beat.
        section: int64, 0 intro, 1 verse, 2 chorus, 3 bridge.
        chord: int64, degree of the scale that the bar's chord stands on.
        level: float32, 0 to 1, the section's loudness after mastering.
        columns: columns between two beats.
        scale: int64 (7,), semitones of the scale above the tonic.
        tonic: MIDI number of the tonic in the bass octave.
    """

    starts: NDArray[np.float64]
    section: Integers
    chord: Integers
    level: Floats
    columns: float
    scale: Integers
    tonic: int


def mastering(traits: SoundTraits) -> float:
    """Return how compressed the master is, 0 (wide dynamics, -20 dB) to 1 (loud, -2 dB)."""
    return float(np.clip((traits.loudness + 20.0) / 18.0, 0.0, 1.15))


def beat_grid(traits: SoundTraits, columns: int, rng: np.random.Generator) -> Grid:
    """Lay out a song of `columns` columns: beats, sections, chords, section levels."""
    spacing = 60.0 / traits.tempo * COLUMNS_PER_SECOND
    first = rng.uniform(0.0, min(spacing, columns / 8))
    starts = np.arange(first, columns, spacing)
    bars = starts.size // BEATS_PER_BAR + 1
    section = _sections(bars, rng)
    loops = rng.integers(0, len(PROGRESSIONS), size=SECTION_LEVEL.size)
    chord = PROGRESSIONS[loops[section], np.arange(bars) % BEATS_PER_BAR]
    # A loud master evens the sections out; a quiet one keeps their contrast.
    level = SECTION_LEVEL[section] ** (1.5 - 1.3 * mastering(traits))
    bar = np.arange(starts.size) // BEATS_PER_BAR
    scale = MAJOR_SCALE if traits.mode == 1 else MINOR_SCALE
    return Grid(
        starts=starts,
        section=section[bar],
        chord=chord[bar],
        level=level[bar].astype(np.float32),
        columns=spacing,
        scale=scale,
        tonic=36 + (traits.key + 4) % 12 - 4,
    )


def _sections(bars: int, rng: np.random.Generator) -> Integers:
    """Return the kind of section of each bar."""
    order = np.array(SECTION_ORDER)
    weights = rng.uniform(0.7, 1.3, size=order.size) * np.where(order == 0, 0.5, 1.0)
    edges = np.cumsum(weights) / weights.sum() * bars
    place = np.searchsorted(edges, np.arange(bars), side="right").clip(max=order.size - 1)
    return np.asarray(order[place], np.int64)


def _degree_pitch(grid: Grid, degree: Integers, base: float) -> Floats:
    """Return the MIDI pitch of scale degrees (7 = an octave up) over `base`."""
    octave, step = np.divmod(degree, 7)
    return (base + 12 * octave + grid.scale[step]).astype(np.float32)


def bass_notes(traits: SoundTraits, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return the bass line: roots on the beats, eighths where the song is energetic."""
    eighth = rng.random(grid.starts.size) < 0.15 + 0.8 * traits.energy
    starts = np.concatenate([grid.starts, grid.starts[eighth] + grid.columns / 2])
    degree = np.concatenate([grid.chord, grid.chord[eighth]])
    # The second eighth sometimes walks to the fifth.
    degree = degree + 4 * (rng.random(degree.size) < 0.2)
    gains = np.concatenate([grid.level, grid.level[eighth] * 0.85]) * 0.8
    length = np.full(starts.size, round(grid.columns * 0.55))
    return Notes(
        starts.astype(np.int64),
        length,
        _degree_pitch(grid, degree, grid.tonic),
        gains.astype(np.float32),
    )


def chord_notes(traits: SoundTraits, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return three-note chords, struck from once a bar (calm) to every eighth (energetic)."""
    half_beats = np.arange(2 * grid.starts.size)
    beat = half_beats // 2
    on_bar = half_beats % (2 * BEATS_PER_BAR) == 0
    struck = on_bar | (rng.random(half_beats.size) < 0.06 + 0.75 * traits.energy**1.3)
    half_beats, beat = half_beats[struck], beat[struck]
    gaps = np.diff(np.append(half_beats, half_beats[-1] + 2)) if beat.size else half_beats
    lengths = np.rint(gaps * grid.columns / 2).astype(np.int64)
    starts = grid.starts[beat] + (half_beats % 2) * grid.columns / 2
    tones = grid.chord[beat][:, None] + np.array([0, 2, 4])[None, :]
    register = grid.tonic + 12 * int(rng.integers(1, 3))
    loud = grid.level[beat] * rng.uniform(0.45, 0.6)
    return Notes(
        np.repeat(starts.astype(np.int64), 3),
        np.repeat(lengths, 3),
        _degree_pitch(grid, tones.ravel(), register),
        np.repeat(loud, 3).astype(np.float32),
    )


def melody_notes(traits: SoundTraits, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return the melody: a random walk on the scale, denser with energy, phrased in bars."""
    steps_per_beat = 4
    steps = np.arange(steps_per_beat * grid.starts.size)
    beat = steps // steps_per_beat
    weight = np.array([1.0, 0.25, 0.7, 0.25])[steps % steps_per_beat]
    phrase = rng.random(grid.starts.size // BEATS_PER_BAR + 1) < 0.85
    sung = phrase[beat // BEATS_PER_BAR] * SECTION_MELODY[grid.section[beat]]
    steps = steps[rng.random(steps.size) < weight * sung * (0.25 + 0.75 * traits.energy)]
    beat = steps // steps_per_beat
    walk = np.cumsum(rng.integers(-2, 3, size=steps.size))
    # Folding keeps the walk within an octave and a half.
    degree = 10 - np.abs(walk % 20 - 10)
    register = grid.tonic + 12 * int(rng.integers(2, 4))
    longest = round(grid.columns * 1.5)
    gaps = np.diff(np.append(steps, steps[-1] + 6)) if steps.size else steps
    lengths = np.minimum(gaps * grid.columns / steps_per_beat * 0.95, longest)
    starts = grid.starts[beat] + (steps % steps_per_beat) * grid.columns / steps_per_beat
    gains = grid.level[beat] * rng.uniform(0.75, 1.0, size=steps.size)
    return Notes(
        starts.astype(np.int64),
        lengths.astype(np.int64),
        _degree_pitch(grid, degree, register),
        gains.astype(np.float32),
    )


def drum_hits(
    traits: SoundTraits,
    grid: Grid,
    rng: np.random.Generator,
    *,
    phase: float,
    every: int,
    first: int,
) -> tuple[Integers, Floats]:
    """Return the columns and the gains of one drum's hits.

    Args:
        traits: danceability sets how regular and how complete the hits are.
        grid: the song's beats.
        rng: the song's generator.
        phase: place within the beat, 0 to 1.
        every: a hit on every so many beats...
        first: ...beginning with this one.

    Returns:
        int64 columns (may lie a little outside the song) and float32 gains, 0 to 1.
    """
    beats = np.arange(first, grid.starts.size, every)
    loose = 1.0 - traits.danceability
    kept = rng.random(beats.size) < (1.0 - 0.75 * loose) * SECTION_DRUMS[grid.section[beats]]
    beats = beats[kept]
    sway = rng.normal(0.0, 0.09 * loose, size=beats.size)
    starts = grid.starts[beats] + (phase + sway) * grid.columns
    gains = grid.level[beats] * rng.uniform(1.0 - 0.5 * loose, 1.0, size=beats.size)
    return np.rint(starts).astype(np.int64), gains.astype(np.float32)
