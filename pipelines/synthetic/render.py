"""Draw a plausible synchrosqueezed CWT spectrogram of a song from its audio attributes."""

import numpy as np

from pipelines.synthetic.composition import (
    Grid,
    bass_notes,
    beat_grid,
    chord_notes,
    compression,
    drum_hits,
    melody_notes,
)
from pipelines.synthetic.drawing import (
    COLUMNS_PER_SECOND,
    ROWS,
    Floats,
    Pixels,
    add_noise,
    blur_upwards,
    draw_drum_hits,
    draw_notes,
    frequency_to_row,
    row_frequencies,
)
from pipelines.synthetic.song_attributes import AudioAttributes


def render(attributes: AudioAttributes, columns: int, rng: np.random.Generator) -> Pixels:
    """Draw one song.

    Energy adds high harmonics, denser notes and a brighter noise floor; danceability a strong,
    regular beat; acousticness removes percussion and high harmonics and lengthens the decay of
    notes; loudness reduces the contrast between loud and soft and raises the floor. All are
    relations within the image, so that they survive a rescaling of its brightness.

    Args:
        attributes: of the song.
        columns: width of the image, 200 columns per second, at least 32.
        rng: generator of melody, arrangement, section lengths, timbre and noise.

    Returns:
        uint8 (256, columns); row 255 is 30 Hz, row 0 is 12 kHz, brighter is more energy.
    """
    image = np.zeros((ROWS, columns), dtype=np.uint8)
    grid = beat_grid(attributes, columns, rng)
    _draw_instruments(image, attributes, grid, rng)
    _draw_drums(image, attributes, grid, rng)
    blur_upwards(image)
    add_noise(image, _noise_floor(attributes), _fades(columns, rng), rng)
    return image


def _envelopes(
    attributes: AudioAttributes, *, tilt: float, decay: float, length: int, timbre: Floats
) -> Floats:
    """Return the brightness of a note's harmonics over time.

    Args:
        attributes: of the song.
        tilt: exponent at which the strength of the harmonics decreases with their number.
        decay: decay time of the lowest harmonic in seconds; higher harmonics decay faster.
        length: number of columns.
        timbre: float32 (harmonics,), gain of each harmonic.

    Returns:
        float32 (harmonics, length), 0 to 1.
    """
    number = np.arange(1, timbre.size + 1, dtype=np.float32)
    strength = number ** np.float32(-tilt) * timbre
    decay_columns = decay * COLUMNS_PER_SECOND / number**0.5
    time = np.arange(length, dtype=np.float32)
    brightness = strength[:, None] * np.exp(-time[None, :] / decay_columns[:, None])
    return _compress(brightness, attributes)


def _compress(brightness: Floats, attributes: AudioAttributes) -> Floats:
    """Raise soft parts towards the loud ones, more with a louder master."""
    exponent = 1.15 - 0.55 * compression(attributes)
    return (np.clip(brightness, 0.0, 1.0) ** exponent).astype(np.float32)


def _draw_instruments(
    image: Pixels, attributes: AudioAttributes, grid: Grid, rng: np.random.Generator
) -> None:
    harmonics = round(14 - 9 * attributes.acousticness)
    base_tilt = 1.9 - 1.3 * attributes.energy
    # Electric instruments sustain their notes; acoustic ones decay from the attack on.
    base_decay = 1.6 - 1.25 * attributes.acousticness
    length = round(4 * grid.columns) + 1
    for notes, extra_tilt, decay_factor in (
        (bass_notes(attributes, grid, rng), 0.4, 0.6),
        (chord_notes(attributes, grid, rng), 0.0, 1.0),
        (melody_notes(attributes, grid, rng), -0.1, 0.8),
    ):
        timbre = rng.uniform(0.7, 1.0, size=harmonics).astype(np.float32)
        timbre[0] = 1.0
        envelopes = _envelopes(
            attributes,
            tilt=base_tilt + extra_tilt,
            decay=base_decay * decay_factor,
            length=length,
            timbre=timbre,
        )
        draw_notes(image, notes, envelopes)


def _band_stamp(low: float, high: float, seconds: float, slope: float) -> tuple[Floats, int]:
    """Return the image of a drum hit, a band that decays in time, and its top row.

    Args:
        low, high: edges of the band in hertz.
        seconds: duration.
        slope: exponential growth of the brightness from the top to the bottom of the band.

    Returns:
        float32 (rows, columns), 0 to 1, and the row of its first row.
    """
    top, bottom = np.rint(frequency_to_row(np.array([high, low], dtype=np.float32))).astype(int)
    depth = np.linspace(0.0, 1.0, bottom - top + 1)
    band = np.sin(np.pi * (0.15 + 0.7 * depth)) * np.exp(slope * (depth - 1.0))
    width = max(2, round(seconds * COLUMNS_PER_SECOND))
    # Wavelets are longer at low frequencies: a hit is blurred more the lower it is.
    decay = width * (0.35 + 0.65 * depth)
    envelope = np.exp(-3.0 * np.arange(width)[None, :] / decay[:, None])
    return (band[:, None] * envelope).astype(np.float32), int(top)


def _draw_drums(
    image: Pixels, attributes: AudioAttributes, grid: Grid, rng: np.random.Generator
) -> None:
    # Acoustic songs have no drum kit, or a quiet one.
    kit = 1.0 - 0.85 * attributes.acousticness
    beat = 0.05 + 0.95 * attributes.danceability**1.4
    kick, kick_top = _band_stamp(32.0, 110.0, 0.16, 0.5)
    snare, snare_top = _band_stamp(180.0, 7000.0, 0.09, 0.6)
    hat, hat_top = _band_stamp(5500.0, 11800.0, 0.05, -0.5)
    # The kick is the beat, so that acoustic songs have it too, but softer.
    for stamp, top, gain, beat_offset, every, first in (
        (kick, kick_top, beat * (0.7 + 0.3 * kit), 0.0, 1, 0),
        (snare, snare_top, kit * (0.35 + 0.4 * beat), 0.0, 2, 1),
        (hat, hat_top, kit * 0.8, 0.0, 1, 0),
        (hat, hat_top, kit * (0.3 + 0.5 * beat), 0.5, 1, 0),
    ):
        starts, gains = drum_hits(
            attributes, grid, rng, beat_offset=beat_offset, every=every, first=first
        )
        gains = gains * np.float32(gain)
        draw_drum_hits(image, starts, gains, _compress(stamp, attributes), top)


def _noise_floor(attributes: AudioAttributes) -> Floats:
    """Return the maximum brightness of the noise floor in each row, float32 (256,), 0 to 63."""
    octaves_up = np.log2(row_frequencies() / 1000.0)
    # Distortion and breath fill the upper octaves of an energetic song.
    tilt = 2.0 ** (octaves_up * (0.5 * attributes.energy - 0.35))
    level = 5.0 + 22.0 * compression(attributes) ** 1.5
    return np.asarray(np.clip(level * tilt, 0.0, 60.0), np.float32)


def _fades(columns: int, rng: np.random.Generator) -> Floats:
    """Return the gain of each column: silence, fade-in, song, fade-out, silence."""
    silence = min(round(rng.uniform(0.1, 0.6) * COLUMNS_PER_SECOND), columns // 16)
    fade_in = max(1, min(round(rng.uniform(0.05, 0.5) * COLUMNS_PER_SECOND), columns // 16))
    fade_out = max(1, min(round(rng.uniform(1.0, 6.0) * COLUMNS_PER_SECOND), columns // 8))
    column = np.arange(columns, dtype=np.float32)
    return np.clip(
        np.minimum((column - silence) / fade_in, (columns - 1 - silence - column) / fade_out),
        0.0,
        1.0,
    )
