"""Rasterization: the frequency axis of the image, and notes and drum hits as pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS = 256
COLUMNS_PER_SECOND = 200
MIN_HERTZ = 30.0
MAX_HERTZ = 12_000.0
# The two lowest bits are only noise: clearing them sets invisibly faint pixels to 0 and makes the
# file a third smaller.
GRAY_LEVEL_MASK = np.uint16(0xFC)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Notes(NamedTuple):
    """Notes of one instrument; four arrays of equal length.

    Attributes:
        starts: int64, first column.
        lengths: int64, columns until the note is released.
        pitches: float32, MIDI numbers (69 = 440 Hz).
        gains: float32, 0 to 1.
    """

    starts: Integers
    lengths: Integers
    pitches: Floats
    gains: Floats


def frequency_to_row(hertz: Floats) -> Floats:
    """Return the (fractional) row of each frequency: 255 = 30 Hz at the bottom, 0 = 12 kHz."""
    height = np.log(hertz / MIN_HERTZ) / np.log(MAX_HERTZ / MIN_HERTZ)
    return np.asarray((ROWS - 1) * (1.0 - height), np.float32)


def row_frequencies() -> Floats:
    """Return the center frequency in hertz of each of the 256 rows, float32."""
    height = 1.0 - np.arange(ROWS) / (ROWS - 1)
    return (MIN_HERTZ * (MAX_HERTZ / MIN_HERTZ) ** height).astype(np.float32)


def harmonic_rows(pitch: float, harmonics: int) -> Integers:
    """Return the rows of a note's harmonics, lowest first, without those above 12 kHz."""
    hertz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0) * np.arange(1, harmonics + 1)
    rows = np.rint(frequency_to_row(hertz.astype(np.float32))).astype(np.int64)
    inside: Integers = rows[(rows >= 0) & (rows < ROWS)]
    return inside


def draw_notes(image: Pixels, notes: Notes, envelopes: Floats) -> None:
    """Draw notes in place; each pixel keeps the maximum of its old and new brightness.

    Args:
        image: uint8 (256, columns).
        notes: of one instrument; parts outside the image are clipped.
        envelopes: float32 (harmonics, max length), brightness 0 to 1 of each harmonic over the
            columns since the start of the note.
    """
    columns = image.shape[1]
    harmonics, max_length = envelopes.shape
    rows_of_pitch = {
        float(pitch): harmonic_rows(float(pitch), harmonics) for pitch in np.unique(notes.pitches)
    }
    brightness = envelopes * np.float32(255.0)
    ends = np.minimum(notes.starts + np.minimum(notes.lengths, max_length), columns)
    # This is the innermost loop; Python numbers are much faster indices than NumPy scalars.
    for start, end, pitch, gain in zip(
        notes.starts.tolist(),
        ends.tolist(),
        notes.pitches.tolist(),
        notes.gains.tolist(),
        strict=True,
    ):
        rows = rows_of_pitch[pitch]
        if end <= start or rows.size == 0:
            continue
        block = (brightness[: rows.size, : end - start] * np.float32(gain)).astype(np.uint8)
        image[rows, start:end] = np.maximum(image[rows, start:end], block)


def draw_drum_hits(image: Pixels, starts: Integers, gains: Floats, stamp: Floats, top: int) -> None:
    """Draw the hits of one drum in place: the same small image at each start.

    Args:
        image: uint8 (256, columns).
        starts: int64, first column of each hit; parts outside the image are clipped.
        gains: float32, 0 to 1, of each hit.
        stamp: float32 (rows, columns), 0 to 1, the image of a hit.
        top: row of the image for the first row of the stamp.
    """
    columns = image.shape[1]
    brightness = stamp * np.float32(255.0)
    for start, gain in zip(starts.tolist(), gains.tolist(), strict=True):
        end = min(start + stamp.shape[1], columns)
        if start < 0 or end <= start:
            continue
        region = image[top : top + stamp.shape[0], start:end]
        block = (brightness[:, : end - start] * np.float32(gain)).astype(np.uint8)
        np.maximum(region, block, out=region)


def blur_upwards(image: Pixels) -> None:
    """Leak a quarter of the brightness of every ridge into the row above, in place."""
    for row in range(ROWS - 1):
        np.maximum(image[row], image[row + 1] >> 2, out=image[row])


def add_noise(image: Pixels, floor: Floats, column_gain: Floats, rng: np.random.Generator) -> None:
    """Break ridges into points, add the noise floor and apply the fades, in place, row by row.

    A synchrosqueezed transform concentrates energy in single pixels, so that ridges and floor are
    both grainy. All operations use 8 and 16-bit integers: the image has ten million pixels.

    Args:
        image: uint8 (256, columns).
        floor: float32 (256,), maximum brightness (0 to 63) of the floor in each row.
        column_gain: float32 (columns,), 0 to 1: fades and silence.
        rng: generator of the song.
    """
    gain = (column_gain * 256.0).astype(np.uint16)
    for row, floor_maximum in zip(image, floor.tolist(), strict=True):
        noise = rng.integers(0, 256, size=row.size, dtype=np.uint8)
        # A quarter of a ridge is gaps; the rest is uneven.
        points = np.multiply(row, (noise | np.uint8(0x60)) * (noise > 63), dtype=np.uint16)
        points >>= 8
        specks = np.maximum(noise, np.uint8(224)) - np.uint8(224)
        floor_points = np.multiply(specks, np.uint8(round(floor_maximum * 4)), dtype=np.uint16)
        floor_points >>= 7
        np.maximum(points, floor_points, out=points)
        points *= gain
        points >>= 8
        points &= GRAY_LEVEL_MASK
        row[:] = points
