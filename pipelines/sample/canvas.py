"""The drawing surface: which row a frequency is, how notes and drum hits become pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS = 256
COLUMNS_PER_SECOND = 200
LOWEST_HERTZ = 30.0
HIGHEST_HERTZ = 12_000.0
# The two lowest bits carry nothing but grain: clearing them blackens points too faint to see and
# makes the file a third smaller.
GREYS = np.uint16(0xFC)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Notes(NamedTuple):
    """Notes of one instrument; four arrays of one length.

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


def frequency_row(hertz: Floats) -> Floats:
    """Return the (fractional) row of each frequency: 255 = 30 Hz at the bottom, 0 = 12 kHz."""
    octaves = np.log(hertz / LOWEST_HERTZ) / np.log(HIGHEST_HERTZ / LOWEST_HERTZ)
    return np.asarray((ROWS - 1) * (1.0 - octaves), np.float32)


def row_frequency() -> Floats:
    """Return the centre frequency in hertz of each of the 256 rows, float32."""
    height = 1.0 - np.arange(ROWS) / (ROWS - 1)
    return (LOWEST_HERTZ * (HIGHEST_HERTZ / LOWEST_HERTZ) ** height).astype(np.float32)


def partial_rows(pitch: float, partials: int) -> Integers:
    """Return the rows of a note's harmonics, lowest first; those above 12 kHz are left out."""
    hertz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0) * np.arange(1, partials + 1)
    rows = np.rint(frequency_row(hertz.astype(np.float32))).astype(np.int64)
    inside: Integers = rows[(rows >= 0) & (rows < ROWS)]
    return inside


def draw_notes(canvas: Pixels, notes: Notes, shape: Floats) -> None:
    """Draw notes in place, the brighter of old and new winning.

    Args:
        canvas: uint8 (256, columns).
        notes: what to play; parts outside the canvas are cut off.
        shape: float32 (partials, longest), brightness 0 to 1 of each harmonic over the columns
            since the note's start.
    """
    columns = canvas.shape[1]
    rows_of = {float(p): partial_rows(float(p), shape.shape[0]) for p in np.unique(notes.pitches)}
    bright = shape * np.float32(255.0)
    ends = np.minimum(notes.starts + np.minimum(notes.lengths, shape.shape[1]), columns)
    # Plain Python numbers index much faster than numpy scalars, and this loop is the hot one.
    for start, end, pitch, gain in zip(
        notes.starts.tolist(),
        ends.tolist(),
        notes.pitches.tolist(),
        notes.gains.tolist(),
        strict=True,
    ):
        rows = rows_of[pitch]
        if end <= start or rows.size == 0:
            continue
        block = (bright[: rows.size, : end - start] * np.float32(gain)).astype(np.uint8)
        canvas[rows, start:end] = np.maximum(canvas[rows, start:end], block)


def draw_hits(canvas: Pixels, starts: Integers, gains: Floats, stamp: Floats, top: int) -> None:
    """Draw one drum's hits in place: a small picture stamped at each start.

    Args:
        canvas: uint8 (256, columns).
        starts: int64, first column of each hit; parts outside the canvas are cut off.
        gains: float32, 0 to 1, one for each hit.
        stamp: float32 (rows, columns), 0 to 1.
        top: the row of the stamp's first line.
    """
    columns = canvas.shape[1]
    bright = stamp * np.float32(255.0)
    for start, gain in zip(starts.tolist(), gains.tolist(), strict=True):
        end = min(start + stamp.shape[1], columns)
        if start < 0 or end <= start:
            continue
        place = canvas[top : top + stamp.shape[0], start:end]
        block = (bright[:, : end - start] * np.float32(gain)).astype(np.uint8)
        np.maximum(place, block, out=place)


def soften(canvas: Pixels) -> None:
    """Let every ridge leak a quarter of its brightness into the row above, in place."""
    for row in range(ROWS - 1):
        np.maximum(canvas[row], canvas[row + 1] >> 2, out=canvas[row])


def add_grain(canvas: Pixels, floor: Floats, column_gain: Floats, rng: np.random.Generator) -> None:
    """Break ridges into points, add the noise floor and the fades, in place, row by row.

    A synchrosqueezed transform concentrates energy in single pixels, so both the ridges and the
    floor are grainy. Only 8 and 16 bit integers are touched: the image has ten million pixels.

    Args:
        canvas: uint8 (256, columns).
        floor: float32 (256,), the brightest point (0 to 63) of the floor in each row.
        column_gain: float32 (columns,), 0 to 1: fades and silence.
        rng: the song's generator.
    """
    gain = (column_gain * 256.0).astype(np.uint16)
    for row, brightest in zip(canvas, floor.tolist(), strict=True):
        noise = rng.integers(0, 256, size=row.size, dtype=np.uint8)
        # A quarter of a ridge is gaps; the rest is uneven.
        points = np.multiply(row, (noise | np.uint8(0x60)) * (noise > 63), dtype=np.uint16)
        points >>= 8
        specks = np.maximum(noise, np.uint8(224)) - np.uint8(224)
        lifted = np.multiply(specks, np.uint8(round(brightest * 4)), dtype=np.uint16)
        lifted >>= 7
        np.maximum(points, lifted, out=points)
        points *= gain
        points >>= 8
        points &= GREYS
        row[:] = points
