"""Draw a plausible synchrosqueezed CWT spectrogram of a song from its audible traits."""

import numpy as np

from pipelines.sample.canvas import (
    COLUMNS_PER_SECOND,
    ROWS,
    Floats,
    Pixels,
    add_grain,
    draw_hits,
    draw_notes,
    frequency_row,
    row_frequency,
    soften,
)
from pipelines.sample.score import (
    Grid,
    bass_notes,
    beat_grid,
    chord_notes,
    drum_hits,
    mastering,
    melody_notes,
)
from pipelines.sample.traits import SoundTraits

__all__ = ["SoundTraits", "render"]


def render(traits: SoundTraits, columns: int, rng: np.random.Generator) -> Pixels:
    """Draw one song.

    Energy brings high partials, denser notes and a bright floor; danceability a strong, regular
    beat; acousticness takes percussion and high partials away and lets notes ring; loudness
    narrows the contrast between loud and soft and lifts the floor. All of them are relations
    within the image, so they survive a rescaling of its brightness.

    Args:
        traits: what the song sounds like.
        columns: width of the image, 200 columns a second, at least 32.
        rng: the song's generator: melody, arrangement, section lengths, timbre, grain.

    Returns:
        uint8 (256, columns); row 255 is 30 Hz, row 0 is 12 kHz, brighter is more energy.
    """
    canvas = np.zeros((ROWS, columns), dtype=np.uint8)
    grid = beat_grid(traits, columns, rng)
    _draw_instruments(canvas, traits, grid, rng)
    _draw_drums(canvas, traits, grid, rng)
    soften(canvas)
    add_grain(canvas, _floor(traits), _fades(columns, rng), rng)
    return canvas


def _note_shape(
    traits: SoundTraits, *, partials: int, tilt: float, ring: float, longest: int, timbre: Floats
) -> Floats:
    """Return the brightness of a note's harmonics over time, float32 (partials, longest).

    `ring` is the decay time of the lowest harmonic in seconds. Higher harmonics die sooner.
    """
    order = np.arange(1, partials + 1, dtype=np.float32)
    strength = order ** np.float32(-tilt) * timbre[:partials]
    decay = ring * COLUMNS_PER_SECOND / order**0.5
    time = np.arange(longest, dtype=np.float32)
    shape = strength[:, None] * np.exp(-time[None, :] / decay[:, None])
    return _compressed(shape, traits)


def _compressed(brightness: Floats, traits: SoundTraits) -> Floats:
    """Raise soft parts towards the loud ones, the more so the louder the master is."""
    exponent = 1.15 - 0.55 * mastering(traits)
    return (np.clip(brightness, 0.0, 1.0) ** exponent).astype(np.float32)


def _draw_instruments(
    canvas: Pixels, traits: SoundTraits, grid: Grid, rng: np.random.Generator
) -> None:
    partials = round(14 - 9 * traits.acousticness)
    tilt = 1.9 - 1.3 * traits.energy
    # Electric instruments are gated and even; acoustic ones are struck and ring out.
    ring = 1.6 - 1.25 * traits.acousticness
    longest = round(4 * grid.columns) + 1
    for notes, brighter, longer in (
        (bass_notes(traits, grid, rng), 0.4, 0.6),
        (chord_notes(traits, grid, rng), 0.0, 1.0),
        (melody_notes(traits, grid, rng), -0.1, 0.8),
    ):
        timbre = rng.uniform(0.7, 1.0, size=partials).astype(np.float32)
        timbre[0] = 1.0
        shape = _note_shape(
            traits,
            partials=partials,
            tilt=tilt + brighter,
            ring=ring * longer,
            longest=longest,
            timbre=timbre,
        )
        draw_notes(canvas, notes, shape)


def _band_stamp(low: float, high: float, seconds: float, slope: float) -> tuple[Floats, int]:
    """Return a drum's picture (float32, 0 to 1) and its top row: a band that decays in time."""
    top, bottom = np.rint(frequency_row(np.array([high, low], dtype=np.float32))).astype(int)
    lines = np.linspace(0.0, 1.0, bottom - top + 1)
    band = np.sin(np.pi * (0.15 + 0.7 * lines)) * np.exp(slope * (lines - 1.0))
    width = max(2, round(seconds * COLUMNS_PER_SECOND))
    # Wavelets are longer at low frequencies: a hit smears more the lower it lies.
    decay = width * (0.35 + 0.65 * lines)
    fall = np.exp(-3.0 * np.arange(width)[None, :] / decay[:, None])
    return (band[:, None] * fall).astype(np.float32), int(top)


def _draw_drums(canvas: Pixels, traits: SoundTraits, grid: Grid, rng: np.random.Generator) -> None:
    # Acoustic songs are played without a drum kit or with a brushed one.
    kit = 1.0 - 0.85 * traits.acousticness
    beat = 0.05 + 0.95 * traits.danceability**1.4
    kick, kick_top = _band_stamp(32.0, 110.0, 0.16, 0.5)
    snare, snare_top = _band_stamp(180.0, 7000.0, 0.09, 0.6)
    hat, hat_top = _band_stamp(5500.0, 11800.0, 0.05, -0.5)
    # The kick carries the beat, so it stays in acoustic songs, softly.
    for stamp, top, gain, phase, every, first in (
        (kick, kick_top, beat * (0.7 + 0.3 * kit), 0.0, 1, 0),
        (snare, snare_top, kit * (0.35 + 0.4 * beat), 0.0, 2, 1),
        (hat, hat_top, kit * 0.8, 0.0, 1, 0),
        (hat, hat_top, kit * (0.3 + 0.5 * beat), 0.5, 1, 0),
    ):
        starts, gains = drum_hits(traits, grid, rng, phase=phase, every=every, first=first)
        draw_hits(canvas, starts, gains * np.float32(gain), _compressed(stamp, traits), top)


def _floor(traits: SoundTraits) -> Floats:
    """Return the brightest point of the noise floor in each row, float32 (256,), 0 to 63."""
    octaves_up = np.log2(row_frequency() / 1000.0)
    # Distortion and breath fill the upper octaves of an energetic song.
    tilt = 2.0 ** (octaves_up * (0.5 * traits.energy - 0.35))
    level = 5.0 + 22.0 * mastering(traits) ** 1.5
    return np.asarray(np.clip(level * tilt, 0.0, 60.0), np.float32)


def _fades(columns: int, rng: np.random.Generator) -> Floats:
    """Return the gain of each column: silence, fade in, song, fade out, silence."""
    silence = min(round(rng.uniform(0.1, 0.6) * COLUMNS_PER_SECOND), columns // 16)
    rise = max(1, min(round(rng.uniform(0.05, 0.5) * COLUMNS_PER_SECOND), columns // 16))
    fall = max(1, min(round(rng.uniform(1.0, 6.0) * COLUMNS_PER_SECOND), columns // 8))
    column = np.arange(columns, dtype=np.float32)
    return np.clip(
        np.minimum((column - silence) / rise, (columns - 1 - silence - column) / fall), 0.0, 1.0
    )
