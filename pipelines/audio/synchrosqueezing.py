"""Synchrosqueezed wavelet transform of audio: the data set's spectrograms, fast and streamed.

The transform of a sound ``x`` (Daubechies, Lu & Wu 2011, arXiv:0912.2437; Thakur et al. 2013,
arXiv:1105.0010, eq. 14):

1. Continuous wavelet transform with a generalized Morse wavelet ``psi`` (gamma 3, beta 60; Olhede &
   Walden 2002, doi:10.1109/TSP.2002.804066), one *voice* ``f`` for each of the 256 rows:
   ``W(f, t) = IFFT[X(w) psi(w w_p / 2 pi f)]``.
2. Instantaneous frequency ``w(f, t) = Re(D / W)``, with the derivative ``D = IFFT[w X psi(...)]``.
3. Squeezing: each coefficient moves to the row of its instantaneous frequency. ``T(row, t)`` is the
   sum of ``W(f, t) STEP`` over the voices ``f`` whose ``w(f, t)`` is in that row.
4. A column is the mean of ``|T|`` over 5 ms.

Computed directly, that takes minutes for a song. Four shortcuts make it fast:

- Coefficients that move into one row at one time belong to the same component and have the same
  phase, so ``|sum of W|`` is ``sum of |W|``: voices are independent, and step 3 is a histogram.
- A voice is band-limited: its inverse FFT needs the bins of its band only, and gives few samples.
- Where these are still more than needed, folding the spectrum (adding its parts modulo the length)
  before the inverse FFT gives every n-th sample, exactly.
- Between these samples, row and amplitude change slowly: they are interpolated linearly in time.

Low voices need long blocks, high voices short ones: three *levels* of voices have blocks of their
own length, so that the arrays fit into a core's cache. Blocks are at fixed times: the result does
not depend on how a sound was cut while it was read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

SAMPLE_RATE = 24_000
"""Samples per second: the highest row, 12 kHz, is the Nyquist frequency."""
ROWS = 256
COLUMNS_PER_SECOND = 200
SAMPLES_PER_COLUMN = SAMPLE_RATE // COLUMNS_PER_SECOND
LOWEST_HERTZ, HIGHEST_HERTZ = 30.0, 12_000.0
STEP = float(np.log(HIGHEST_HERTZ / LOWEST_HERTZ)) / (ROWS - 1)
"""Natural logarithm of the ratio of neighboring rows' frequencies."""
ROW_HERTZ = LOWEST_HERTZ * np.exp(STEP * np.arange(ROWS))
"""``(256,)`` frequency of each row, the lowest first."""
PIECE_COLUMNS = 960
"""Columns transformed at a time, 4.8 s."""

Audio = npt.NDArray[np.float32]

_GAMMA, _BETA = 3.0, 60.0
_PEAK = (_BETA / _GAMMA) ** (1 / _GAMMA)
"""Radian frequency of the wavelet's peak."""
_BANDWIDTH = 1 / np.sqrt(_BETA * _GAMMA)
"""Relative standard deviation of the wavelet in frequency: 0.0745, 2.2 rows."""
_CUT = 3.6
"""Standard deviations from the peak beyond which a voice's spectrum is taken as zero."""
_MIN_RATE, _MAX_RATE, _HISTOGRAM_RATE = 600, 2400, 2400
"""Samples per second of a voice: at least, at most (else folded), and after interpolation."""
_VOICES_PER_GROUP = 32
_LEVELS = ((0, 88, 2**17, 960), (88, 176, 2**15, 240), (176, ROWS, 2**13, 60))
"""First row, end row, block length in samples, and columns of a block, which divide a piece."""
BINS = ROWS + 2
"""Rows of the histogram: the first and the last are for frequencies out of range, and dropped."""
_TINY = np.float32(1e-30)


def morse_spectrum(ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Generalized Morse wavelet in the frequency domain, 2 at its peak.

    Args:
        ratio: frequencies divided by the peak frequency, positive.
    """
    omega = ratio * _PEAK
    exponent = _BETA * np.log(omega) - omega**_GAMMA
    peak_exponent = _BETA * np.log(_PEAK) - _PEAK**_GAMMA
    spectrum: npt.NDArray[np.float64] = 2 * np.exp(exponent - peak_exponent)
    return spectrum


@dataclass(frozen=True)
class VoiceGroup:
    """Neighboring voices that share the length of their inverse FFT.

    Attributes:
        first_bins: ``(voices,)`` first bin of each voice's band in the block's spectrum.
        filters: ``(2, voices, folds * length)`` the wavelet on that band, and the wavelet times the
            frequency divided by the lowest row's.
        length: of the inverse FFT.
        samples: slice of the inverse FFT's samples that belong to the block's columns.
        offsets: ``(substeps, samples - 1)`` histogram position of the column of each interpolated
            sample.
        weights: ``(columns,)`` STEP divided by the number of interpolated samples in the column.
    """

    first_bins: npt.NDArray[np.int64]
    filters: Audio
    length: int
    samples: slice
    offsets: Audio
    weights: npt.NDArray[np.float64]


class Level:
    """Voices whose blocks have one length.

    Args:
        first_row: of the level.
        end_row: row after the last.
        block: samples of a block, a power of two.
        columns: of a block; the rest of it is margin.
    """

    def __init__(self, first_row: int, end_row: int, block: int, columns: int) -> None:
        self.block = block
        self.columns = columns
        # The wavelet's standard deviation in time; four of them at each end of a block are invalid.
        seconds = 1 / (2 * np.pi * ROW_HERTZ[first_row] * _BANDWIDTH)
        self.margin_columns = int(np.ceil(4 * seconds * COLUMNS_PER_SECOND)) + 1
        self.groups = [
            _voice_group(ROW_HERTZ[row : min(row + _VOICES_PER_GROUP, end_row)], self)
            for row in range(first_row, end_row, _VOICES_PER_GROUP)
        ]

    def transform(self, block: Audio) -> npt.NDArray[np.float64]:
        """Squeezed amplitudes ``(columns, 258)`` of one block ``(samples,)``."""
        # Bands may reach beyond the Nyquist bin, where their filters are zero.
        spectrum = np.pad(fft.rfft(block), (0, self.block // 2))
        total = np.zeros((self.columns, BINS))
        for group in self.groups:
            total += _squeeze(*_coefficients(spectrum, group), group)
        return total


def _coefficients(
    spectrum: npt.NDArray[np.complex64], group: VoiceGroup
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]:
    """``W`` and ``D`` of a group's voices, each ``(voices, samples)`` complex64."""
    voices, width = group.filters.shape[1:]
    bands = np.empty((2, voices, width), np.complex64)
    for voice, first_bin in enumerate(group.first_bins):
        band = spectrum[first_bin : first_bin + width]
        np.multiply(band, group.filters[:, voice], out=bands[:, voice])
    if width > group.length:
        bands = bands.reshape(2, voices, -1, group.length).sum(axis=2)
    samples = fft.ifft(bands, axis=-1, overwrite_x=True)[:, :, group.samples]
    return samples[0], samples[1]


def _squeeze(
    w: npt.NDArray[np.complex64], d: npt.NDArray[np.complex64], group: VoiceGroup
) -> npt.NDArray[np.float64]:
    """Histogram ``(columns, 258)`` of the coefficients' amplitudes by column and row."""
    row, amplitude = _rows_and_amplitudes(w, d)
    substeps, columns = len(group.offsets), len(group.weights)
    row_step, amplitude_step = np.diff(row, axis=1), np.diff(amplitude, axis=1)
    row_step *= np.float32(1 / substeps)
    amplitude_step *= np.float32(1 / substeps)
    row, amplitude = row[:, :-1], amplitude[:, :-1]
    histogram = np.zeros((columns + 1) * BINS)
    for substep in range(substeps):
        if substep:
            row = row + row_step
            amplitude = amplitude + amplitude_step
        position = (row + group.offsets[substep]).astype(np.intp)
        histogram += np.bincount(position.ravel(), amplitude.ravel(), minlength=len(histogram))
    return histogram.reshape(columns + 1, BINS)[:columns] * group.weights[:, np.newaxis]


def _rows_and_amplitudes(
    w: npt.NDArray[np.complex64], d: npt.NDArray[np.complex64]
) -> tuple[Audio, Audio]:
    """Row of the instantaneous frequency, shifted by one and a half, and ``|W|``."""
    real, imaginary = w.real.copy(), w.imag.copy()
    row: Audio = d.real * real
    row += d.imag * imaginary
    real *= real
    imaginary *= imaginary
    power = real
    power += imaginary
    power += _TINY
    row /= power
    np.maximum(row, np.float32(1e-3), out=row)
    np.log(row, out=row)
    row *= np.float32(1 / STEP)
    # Truncation then rounds to the nearest row, and bin 0 is for frequencies below the lowest.
    row += np.float32(1.5)
    np.clip(row, 0, BINS - 0.5, out=row)
    return row, np.sqrt(power, out=power)


def _voice_group(hertz: npt.NDArray[np.float64], level: Level) -> VoiceGroup:
    bin_hertz = SAMPLE_RATE / level.block
    # The wavelet's flanks differ: the lower one is wider.
    first = np.maximum(1, np.floor(hertz * np.exp(-1.08 * _CUT * _BANDWIDTH) / bin_hertz))
    last = np.minimum(
        level.block // 2, np.ceil(hertz * np.exp(0.95 * _CUT * _BANDWIDTH) / bin_hertz)
    )
    first_bins, last_bins = first.astype(np.int64), last.astype(np.int64)
    band = int((last_bins - first_bins + 1).max())
    rate = min(max(_MIN_RATE, band * bin_hertz), _MAX_RATE)
    length = fft.next_fast_len(int(np.ceil(level.block * rate / SAMPLE_RATE)))
    folds = -(-band // length)
    bins = first_bins[:, np.newaxis] + np.arange(folds * length)
    filters = morse_spectrum(bins * bin_hertz / hertz[:, np.newaxis]) * (length / level.block)
    filters[bins > last_bins[:, np.newaxis]] = 0.0
    samples, offsets, counts = _sampling(level, length, folds)
    return VoiceGroup(
        first_bins,
        np.stack([filters, filters * bins * (bin_hertz / LOWEST_HERTZ)]).astype(np.float32),
        length,
        samples,
        offsets,
        STEP / np.maximum(counts, 1),
    )


def _sampling(level: Level, length: int, folds: int) -> tuple[slice, Audio, npt.NDArray[np.int64]]:
    """Which samples of an inverse FFT are used, and into which columns they fall."""
    samples_per_column = SAMPLES_PER_COLUMN * length / level.block
    first = int(level.margin_columns * samples_per_column)
    end = int(np.ceil((level.margin_columns + level.columns) * samples_per_column)) + 1
    rate = length / level.block * SAMPLE_RATE
    # Folded samples are not interpolated: between them the phase of W is unknown, not its size.
    substeps = 1 if folds > 1 else max(1, int(np.ceil(_HISTOGRAM_RATE / rate - 0.3)))
    position = np.arange(first, end - 1) + np.arange(substeps)[:, np.newaxis] / substeps
    column = np.floor(position / samples_per_column - level.margin_columns + 1e-6).astype(int)
    is_valid = (column >= 0) & (column < level.columns)
    counts = np.bincount(column[is_valid], minlength=level.columns)
    # Samples of no column go into one more column, which is dropped.
    offsets = np.where(is_valid, column, level.columns) * BINS
    return slice(first, end), offsets.astype(np.float32), counts


class SynchrosqueezedTransform:
    """Maps audio to spectrogram columns. Making one takes 50 ms and 10 MB; it has no state."""

    def __init__(self) -> None:
        self.levels = [Level(*level) for level in _LEVELS]
        self.margin = self.levels[0].margin_columns * SAMPLES_PER_COLUMN
        """Samples before a segment's first column."""
        self.segment = self.levels[0].block
        """Samples from which a piece is computed."""

    def __call__(self, audio: Audio) -> Audio:
        """Transform a whole sound.

        Args:
            audio: ``(samples,)`` float32, mono, 24 kHz.

        Returns:
            ``(samples // 120, 256)`` float32: mean amplitude, the lowest row first.
        """
        return np.concatenate([np.zeros((0, ROWS), np.float32), *self.stream([audio])])

    def stream(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """Transform audio while it is read; memory does not grow with its length.

        Args:
            blocks: ``(samples,)`` float32 of any lengths.

        Yields:
            ``(columns, 256)`` float32, 960 columns at a time and the rest at the end.
        """
        for segment, columns in _segments(blocks, self.margin, self.segment):
            yield self.transform_segment(segment, columns)

    def transform_segment(self, segment: Audio, columns: int) -> Audio:
        """Transform a segment ``(131072,)`` to its first columns ``(columns, 256)``.

        The first column begins ``margin`` samples after the segment.
        """
        piece = np.zeros((PIECE_COLUMNS, BINS), np.float32)
        for level in self.levels:
            start = self.margin - level.margin_columns * SAMPLES_PER_COLUMN
            for column in range(0, columns, level.columns):
                first = start + column * SAMPLES_PER_COLUMN
                block = segment[first : first + level.block]
                piece[column : column + level.columns] += level.transform(block)
        return piece[:columns, 1:-1]


def _segments(blocks: Iterable[Audio], margin: int, length: int) -> Iterator[tuple[Audio, int]]:
    """Cut audio into overlapping segments; both ends are padded by reflection.

    Yields:
        ``(length,)`` samples and the number of columns that they hold.
    """
    piece = PIECE_COLUMNS * SAMPLES_PER_COLUMN
    source = iter(blocks)
    buffer = np.zeros(0, np.float32)
    is_first = True
    while True:
        # One more margin than a segment needs, so that the end can still be reflected.
        buffer, is_last = _fill(buffer, source, length + margin)
        if is_first:
            head = buffer[1 : margin + 1][::-1]
            buffer = np.concatenate([np.zeros(margin - len(head), np.float32), head, buffer])
            is_first = False
        if is_last:
            break
        yield buffer[:length], PIECE_COLUMNS
        buffer = buffer[piece:]
    samples = len(buffer) - margin
    tail = buffer[max(margin, len(buffer) - margin - 1) : -1][::-1]
    buffer = np.concatenate([buffer, tail, np.zeros(length, np.float32)])
    for column in range(0, samples // SAMPLES_PER_COLUMN, PIECE_COLUMNS):
        first = column * SAMPLES_PER_COLUMN
        columns = min(PIECE_COLUMNS, samples // SAMPLES_PER_COLUMN - column)
        yield buffer[first : first + length], columns


def _fill(buffer: Audio, source: Iterator[Audio], wanted: int) -> tuple[Audio, bool]:
    """Append blocks until there are ``wanted`` samples; whether the source ended before that."""
    parts = [buffer]
    available = len(buffer)
    while available < wanted:
        block = next(source, None)
        if block is None:
            return np.concatenate(parts), True
        parts.append(np.asarray(block, np.float32))
        available += len(block)
    return np.concatenate(parts), False
