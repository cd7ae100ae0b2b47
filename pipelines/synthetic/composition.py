"""The music of a song: sections, chords, notes and drum hits, in seconds.

Everything is random within the limits set by the audio attributes: two songs of equal attributes
have the same character, but different melodies.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.song_attributes import AudioAttributes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BEATS_PER_BAR = 4
MAJOR_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
MINOR_SCALE = np.array([0, 2, 3, 5, 7, 8, 10])
# Scale degrees (0 = tonic), one chord per bar.
PROGRESSIONS = np.array([[0, 4, 5, 3], [0, 5, 3, 4], [0, 3, 4, 3], [5, 3, 0, 4], [0, 0, 3, 4]])
# Indices of the arrays below.
SECTION_ORDER = (0, 1, 2, 1, 2, 3, 2, 2)
# Gain before compression: intro, verse, chorus, bridge.
SECTION_LEVEL = np.array([0.45, 0.68, 1.0, 0.52])
# Density of the drums and of the melody: intro, verse, chorus, bridge.
SECTION_DRUMS = np.array([0.35, 1.0, 1.0, 0.45])
SECTION_MELODY = np.array([0.1, 0.85, 1.0, 0.5])


class Notes(NamedTuple):
    """Notes of one instrument; four arrays of equal length.

    Attributes:
        starts: float64, seconds.
        lengths: float64, seconds until the note is released.
        pitches: float64, MIDI numbers (69 = 440 Hz).
        gains: float64, 0 to 1.
    """

    starts: Floats
    lengths: Floats
    pitches: Floats
    gains: Floats


class Hits(NamedTuple):
    """Hits of one drum; two arrays of equal length.

    Attributes:
        starts: float64, seconds.
        gains: float64, 0 to 1.
    """

    starts: Floats
    gains: Floats


class Grid(NamedTuple):
    """The beats of a song; arrays of equal length, one element per beat.

    Attributes:
        starts: float64, seconds of the beat.
        section: int64, 0 intro, 1 verse, 2 chorus, 3 bridge.
        chord: int64, scale degree of the root of the bar's chord.
        level: float64, 0 to 1, loudness of the section.
        beat: seconds between two beats.
        scale: int64 (7,), semitones of the scale above the tonic.
        tonic: MIDI number of the tonic in the bass octave.
    """

    starts: Floats
    section: Integers
    chord: Integers
    level: Floats
    beat: float
    scale: Integers
    tonic: int


def beat_grid(attributes: AudioAttributes, seconds: float, rng: np.random.Generator) -> Grid:
    """Return the beats of a song of that length, with sections, chords and levels."""
    beat = 60.0 / attributes.tempo
    starts = np.arange(rng.uniform(0.0, min(beat, seconds / 8)), seconds, beat)
    bars = starts.size // BEATS_PER_BAR + 1
    section = _sections(bars, rng)
    progression = rng.integers(0, len(PROGRESSIONS), size=SECTION_LEVEL.size)
    chord = PROGRESSIONS[progression[section], np.arange(bars) % BEATS_PER_BAR]
    bar = np.arange(starts.size) // BEATS_PER_BAR
    scale = MAJOR_SCALE if attributes.mode == 1 else MINOR_SCALE
    return Grid(
        starts=starts,
        section=section[bar],
        chord=chord[bar],
        level=SECTION_LEVEL[section[bar]],
        beat=beat,
        scale=scale,
        tonic=36 + (attributes.key + 4) % 12 - 4,
    )


def _sections(bars: int, rng: np.random.Generator) -> Integers:
    """Return the section of each bar: indices of SECTION_LEVEL, in SECTION_ORDER."""
    order = np.array(SECTION_ORDER)
    weights = rng.uniform(0.7, 1.3, size=order.size) * np.where(order == 0, 0.5, 1.0)
    edges = np.cumsum(weights) / weights.sum() * bars
    index = np.searchsorted(edges, np.arange(bars), side="right").clip(max=order.size - 1)
    return np.asarray(order[index], np.int64)


def _degree_pitch(grid: Grid, degree: Integers, base: float) -> Floats:
    """Return the MIDI pitch of scale degrees (7 = an octave up) above `base`."""
    octave, step = np.divmod(degree, 7)
    return np.asarray(base + 12 * octave + grid.scale[step], np.float64)


def bass_notes(attributes: AudioAttributes, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return the bass line: roots on the beats, and on more eighths with higher energy."""
    has_eighth = rng.random(grid.starts.size) < 0.15 + 0.8 * attributes.energy
    starts = np.concatenate([grid.starts, grid.starts[has_eighth] + grid.beat / 2])
    degree = np.concatenate([grid.chord, grid.chord[has_eighth]])
    # Some notes are the fifth instead of the root.
    degree = degree + 4 * (rng.random(degree.size) < 0.2)
    gains = np.concatenate([grid.level, grid.level[has_eighth] * 0.85]) * 0.5
    lengths = np.full(starts.size, 0.55 * grid.beat)
    order = np.argsort(starts, kind="stable")
    pitches = _degree_pitch(grid, degree, grid.tonic)
    return Notes(starts[order], lengths[order], pitches[order], gains[order])


def chord_notes(attributes: AudioAttributes, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return triads, played once per bar (low energy) up to on every eighth (high energy)."""
    eighths = np.arange(2 * grid.starts.size)
    beat = eighths // 2
    on_bar = eighths % (2 * BEATS_PER_BAR) == 0
    is_played = on_bar | (rng.random(eighths.size) < 0.06 + 0.75 * attributes.energy**1.3)
    eighths, beat = eighths[is_played], beat[is_played]
    gaps = np.diff(np.append(eighths, eighths[-1] + 2)) if beat.size else eighths
    starts = grid.starts[beat] + (eighths % 2) * grid.beat / 2
    # A guitarist strums; a keyboard player or a sequencer strikes all notes at once.
    strum = 0.02 * attributes.acousticness * np.arange(3)
    degrees = grid.chord[beat][:, None] + np.array([0, 2, 4])[None, :]
    register = grid.tonic + 12 * int(rng.integers(1, 4))
    gains = grid.level[beat] * rng.uniform(0.35, 0.55)
    return Notes(
        (starts[:, None] + strum).ravel(),
        np.repeat(gaps * grid.beat / 2, 3),
        _degree_pitch(grid, degrees.ravel(), register),
        np.repeat(gains, 3),
    )


def melody_notes(attributes: AudioAttributes, grid: Grid, rng: np.random.Generator) -> Notes:
    """Return the melody: a random walk on the scale, denser with energy, in phrases of a bar."""
    steps_per_beat = 4
    steps = np.arange(steps_per_beat * grid.starts.size)
    beat = steps // steps_per_beat
    accent = np.array([1.0, 0.25, 0.7, 0.25])[steps % steps_per_beat]
    has_phrase = rng.random(grid.starts.size // BEATS_PER_BAR + 1) < 0.85
    density = has_phrase[beat // BEATS_PER_BAR] * SECTION_MELODY[grid.section[beat]]
    probability = accent * density * (0.25 + 0.75 * attributes.energy)
    steps = steps[rng.random(steps.size) < probability]
    beat = steps // steps_per_beat
    walk = np.cumsum(rng.integers(-2, 3, size=steps.size))
    # Folding keeps the walk within an octave and a half.
    degree = 10 - np.abs(walk % 20 - 10)
    register = grid.tonic + 12 * int(rng.integers(2, 4))
    gaps = np.diff(np.append(steps, steps[-1] + 6)) if steps.size else steps
    lengths = np.minimum(gaps * grid.beat / steps_per_beat * 0.95, 1.5 * grid.beat)
    starts = grid.starts[beat] + (steps % steps_per_beat) * grid.beat / steps_per_beat
    gains = grid.level[beat] * rng.uniform(0.75, 1.0, size=steps.size)
    return Notes(starts, lengths, _degree_pitch(grid, degree, register), gains)


def drum_hits(
    attributes: AudioAttributes,
    grid: Grid,
    rng: np.random.Generator,
    *,
    beat_offset: float,
    every: int,
    first: int,
) -> Hits:
    """Return the hits of one drum; some may begin slightly before or after the song.

    Args:
        attributes: danceability determines how regular and how complete the hits are.
        grid: beats of the song.
        rng: generator of the song.
        beat_offset: position within the beat, 0 to 1.
        every: number of beats between two hits.
        first: index of the first beat with a hit.
    """
    beats = np.arange(first, grid.starts.size, every)
    looseness = 1.0 - attributes.danceability
    probability = (1.0 - 0.75 * looseness) * SECTION_DRUMS[grid.section[beats]]
    beats = beats[rng.random(beats.size) < probability]
    jitter = rng.normal(0.0, 0.09 * looseness, size=beats.size)
    starts = grid.starts[beats] + (beat_offset + jitter) * grid.beat
    gains = grid.level[beats] * rng.uniform(1.0 - 0.5 * looseness, 1.0, size=beats.size)
    return Hits(starts, gains)
