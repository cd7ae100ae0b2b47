"""The synchrosqueezed transform as a TensorFlow graph, for tf.data pipelines and exported models.

It uses the tables of :mod:`pipelines.audio.synchrosqueezing` and computes the same steps; results
agree to rounding. The NumPy engine is for whole files: it needs no TensorFlow and less memory.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.audio.grayscale import CLIP_FRACTION
from pipelines.audio.synchrosqueezing import (
    BINS,
    LOWEST_HERTZ,
    PIECE_COLUMNS,
    ROWS,
    SAMPLE_RATE,
    SAMPLES_PER_COLUMN,
    STEP,
    Level,
    SynchrosqueezedTransform,
    VoiceGroup,
)


class AudioToSpectrogram(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """Maps audio to the spectrogram of the data set; traceable and exportable."""

    def __init__(self) -> None:
        super().__init__()
        self._transform = SynchrosqueezedTransform()

    def __call__(self, audio: tf.Tensor) -> tf.Tensor:
        """Draw the spectrogram of one sound.

        Args:
            audio: ``(samples,)`` float32, mono, 24 kHz; 120 samples or more.

        Returns:
            ``(256, samples // 120)`` uint8, low frequencies at the bottom; black for silence.
        """
        amplitudes = self.amplitudes(audio)
        white = _clip_level(amplitudes)
        levels = tf.math.divide_no_nan(amplitudes * 255.0, white)
        gray = tf.cast(tf.round(tf.minimum(levels, 255.0)), tf.uint8)
        return tf.reverse(tf.transpose(gray), axis=[0])

    def amplitudes(self, audio: tf.Tensor) -> tf.Tensor:
        """Squeezed amplitudes ``(samples // 120, 256)`` float32, the lowest row first."""
        columns = tf.shape(audio)[0] // SAMPLES_PER_COLUMN
        segments = self._segments(audio, columns)
        pieces = tf.map_fn(
            self._piece,
            segments,
            parallel_iterations=1,  # a piece needs 100 MB
            fn_output_signature=tf.TensorSpec([PIECE_COLUMNS, ROWS], tf.float32),
        )
        return tf.reshape(pieces, [-1, ROWS])[:columns]

    def _segments(self, audio: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        """Overlapping segments ``(pieces, 131072)``; both ends are padded by reflection."""
        margin, length = self._transform.margin, self._transform.segment
        head = tf.reverse(audio[1 : margin + 1], [0])
        head = tf.pad(head, [[margin - tf.shape(head)[0], 0]])
        last = tf.maximum(0, tf.shape(audio)[0] - margin - 1)
        tail = tf.reverse(audio[last:-1], [0])
        padded = tf.concat([head, audio, tail, tf.zeros([length])], 0)
        pieces = -(-columns // PIECE_COLUMNS)
        hop = PIECE_COLUMNS * SAMPLES_PER_COLUMN
        return tf.signal.frame(padded, length, hop)[:pieces]

    def _piece(self, segment: tf.Tensor) -> tf.Tensor:
        piece = tf.zeros([PIECE_COLUMNS, BINS])
        for level in self._transform.levels:
            first = self._transform.margin - level.margin_columns * SAMPLES_PER_COLUMN
            blocks = tf.signal.frame(
                segment[first:], level.block, level.columns * SAMPLES_PER_COLUMN
            )[: PIECE_COLUMNS // level.columns]
            piece += _squeezed_blocks(blocks, level)
        return piece[:, 1:-1]


def _squeezed_blocks(blocks: tf.Tensor, level: Level) -> tf.Tensor:
    """Squeezed amplitudes ``(960, 258)`` of the blocks ``(blocks, samples)`` of a level."""
    spectra = tf.pad(tf.signal.rfft(blocks), [[0, 0], [0, level.block // 2]])
    lowest_rows_per_bin = SAMPLE_RATE / level.block / LOWEST_HERTZ
    total = tf.add_n(
        [
            _squeeze(*_coefficients(spectra, group, lowest_rows_per_bin), group)
            for group in level.groups
        ]
    )
    return tf.reshape(total, [PIECE_COLUMNS, BINS])


def _coefficients(
    spectra: tf.Tensor, group: VoiceGroup, lowest_rows_per_bin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """``W`` and ``D``, each ``(blocks, voices, samples)`` complex64.

    Args:
        spectra: ``(blocks, bins)`` complex64.
        group: of voices.
        lowest_rows_per_bin: distance of two bins divided by the frequency of the lowest row.
    """
    _, voices, width = group.filters.shape
    # Computed in the graph: as constants, bins and the second filters would take megabytes of it.
    bins = tf.constant(group.first_bins[:, np.newaxis], tf.int32) + tf.range(width)
    wavelets = tf.constant(group.filters[0])
    frequencies = tf.cast(bins, tf.float32) * lowest_rows_per_bin
    filters = tf.stack([wavelets, wavelets * frequencies])
    bands = tf.gather(spectra, bins, axis=1)[tf.newaxis]
    bands *= tf.cast(filters[:, tf.newaxis], tf.complex64)
    folded = tf.reshape(bands, [2, -1, voices, width // group.length, group.length])
    samples = tf.signal.ifft(tf.reduce_sum(folded, axis=3))[..., group.samples]
    return samples[0], samples[1]


def _squeeze(w: tf.Tensor, d: tf.Tensor, group: VoiceGroup) -> tf.Tensor:
    """Weighted histogram ``(blocks, columns, 258)`` of amplitudes by column and row."""
    row, amplitude = _rows_and_amplitudes(w, d)
    substeps, columns = len(group.offsets), len(group.weights)
    row_step = (row[..., 1:] - row[..., :-1]) / substeps
    amplitude_step = (amplitude[..., 1:] - amplitude[..., :-1]) / substeps
    row, amplitude = row[..., :-1], amplitude[..., :-1]
    blocks, size = tf.shape(row)[0], (columns + 1) * BINS
    block_offset = tf.range(blocks)[:, tf.newaxis, tf.newaxis] * size
    histogram = tf.zeros([blocks * size])
    for substep in range(substeps):
        position = tf.cast(row + substep * row_step + group.offsets[substep], tf.int32)
        histogram += tf.math.unsorted_segment_sum(
            amplitude + substep * amplitude_step, position + block_offset, blocks * size
        )
    by_column = tf.reshape(histogram, [blocks, columns + 1, BINS])[:, :columns]
    return by_column * tf.constant(group.weights[:, np.newaxis], tf.float32)


def _rows_and_amplitudes(w: tf.Tensor, d: tf.Tensor) -> tuple[Any, Any]:
    """Row of the instantaneous frequency plus one and a half, and ``|W|``."""
    real, imaginary = tf.math.real(w), tf.math.imag(w)
    power = real * real + imaginary * imaginary + 1e-30
    ratio = (tf.math.real(d) * real + tf.math.imag(d) * imaginary) / power
    row = tf.math.log(tf.maximum(ratio, 1e-3)) * np.float32(1 / STEP) + 1.5
    return tf.clip_by_value(row, 0.0, BINS - 0.5), tf.sqrt(power)


def _clip_level(amplitudes: tf.Tensor) -> tf.Tensor:
    """As :func:`pipelines.audio.grayscale.clip_level`."""
    flat = tf.reshape(amplitudes, [-1])
    last = tf.size(flat) - 1
    # In float64: float32 would lose the rank of a long song.
    rank = tf.cast(tf.cast(last, tf.float64) * CLIP_FRACTION, tf.int32)
    return tf.math.top_k(flat, last - rank + 1, sorted=True).values[-1]
