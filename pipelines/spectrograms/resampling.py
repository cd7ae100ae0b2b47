"""Band-limited resampling with the FFT, fast for every width.

``scipy.signal.resample`` computes the DFT of the whole signal, keeps its lowest bins and transforms
them back. A direct FFT costs ten times more when the width is a large prime, although only the
lowest ``length / 2 + 1`` bins are needed. A signal of at most ``2 * length`` samples is transformed
directly. The bins of a longer signal are computed as a non-uniform FFT of type 1 (samples at
arbitrary positions to uniform frequencies; Dutt & Rokhlin 1993, doi:10.1137/0914081):

1. Blocks: the signal is split into blocks of equal size.
2. Anterpolation (only if blocks are long): the samples of each block are replaced by 16 weighted
   sums at its Chebyshev nodes. All kept waves are slow within a block, so a wave is interpolated
   well from its values at the nodes, and the transpose of that interpolation preserves the inner
   product of the samples with each wave (Dutt, Gu & Rokhlin 1996, doi:10.1137/0733082).
3. Gridding: the values are spread onto a regular grid of ``2 * length`` points by convolution with
   the "exponential of semicircle" kernel (Barnett, Magland & af Klinteberg 2019,
   doi:10.1137/18M120885X).
4. FFT of the grid, whose size is a product of small primes for the usual lengths.
5. Deconvolution: the kept bins are divided by the Fourier transform of the kernel.

The error is below 1e-5 of full scale for every width.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

KERNEL_WIDTH = 8
"""Support of the gridding kernel in grid points; 8 gives a relative error near 1e-7."""
KERNEL_BETA = 2.30 * KERNEL_WIDTH
"""Shape parameter of the kernel, as Barnett et al. choose it for an oversampling factor of 2."""
OVERSAMPLING = 2
"""Size of the grid divided by ``length``."""
BLOCK_SIZE = 128
"""Samples in a block without anterpolation; each block is one small matrix product."""
NODE_COUNT = 16
"""Chebyshev nodes in a block; 16 give a relative error near 1e-6."""
_BLOCK_PHASE = 11.0
"""Radians by which the fastest kept wave turns within a block that is anterpolated."""
CHUNK_SIZE = 2**17
"""Samples converted to float32 at a time: 512 kB, which fit into the cache of a core."""


@dataclass(frozen=True)
class _Blocks:
    """A signal in blocks of equal size, with values at the same offsets in each block.

    Attributes:
        values: ``(rows, blocks, points)`` float32.
        offsets: ``(points,)`` float64, position of the points in samples from their block's start.
        size: samples from the start of a block to the start of the next.
        first: the sample of the whole signal that the first block starts with.
    """

    values: tf.Tensor
    offsets: tf.Tensor
    size: tf.Tensor | int
    first: tf.Tensor | int = 0


def fft_resample(signal: tf.Tensor, length: int) -> tf.Tensor:
    """Resample along the last axis as ``scipy.signal.resample`` does.

    Args:
        signal: ``(rows, width)``, any real dtype, one period of a periodic signal; ``width``
            may be unknown while tracing.
        length: number of samples in the result; even.

    Returns:
        ``(rows, length)`` float32.

    Raises:
        ValueError: ``length`` is odd or not positive.
    """
    if length <= 0 or length % 2:
        raise ValueError(f"length: expected an even positive number, received {length}")
    width = tf.shape(signal)[-1]
    bins = tf.cond(
        width <= OVERSAMPLING * length,
        lambda: _low_bins_by_fft(signal, length),
        lambda: _low_bins_by_nufft(signal, width, length),
    )
    return _to_samples(bins, width, length)


def fft_resample_piece(
    piece: tf.Tensor, first: tf.Tensor, width: tf.Tensor, length: int
) -> tf.Tensor:
    """Resample a signal that is zero outside of a piece, in a time proportional to the piece.

    Args:
        piece: ``(rows, samples)``, any real dtype, one sample or more.
        first: scalar int32, position of the piece in the signal.
        width: scalar int32, samples of the whole signal; at least those of the piece.
        length: number of samples in the result; even.

    Returns:
        ``(rows, length)`` float32, as `fft_resample` of the whole signal.
    """

    def whole() -> tf.Tensor:
        after = width - first - tf.shape(piece)[1]
        return _low_bins_by_fft(tf.pad(piece, [[0, 0], [first, after]]), length)

    bins = tf.cond(
        width <= OVERSAMPLING * length,
        whole,
        lambda: _low_bins_by_nufft(piece, width, length, first),
    )
    return _to_samples(bins, width, length)


def _to_samples(bins: tf.Tensor, width: tf.Tensor, length: int) -> tf.Tensor:
    scale = tf.cast(length, tf.float32) / tf.cast(width, tf.float32)
    return tf.signal.irfft(bins, [length]) * scale


def _low_bins_by_fft(signal: tf.Tensor, length: int) -> tf.Tensor:
    """Return the ``length // 2 + 1`` bins of the result by a direct FFT.

    When up-sampling, the bins above those of the signal are zero.
    """
    width = tf.shape(signal)[-1]
    bin_count = length // 2 + 1
    bins = tf.signal.rfft(tf.cast(signal, tf.float32), [width])[:, :bin_count]
    kept = tf.shape(bins)[-1]
    factors = _nyquist_factors(width, length, kept)
    bins = tf.pad(bins * tf.cast(factors, bins.dtype), [[0, 0], [0, bin_count - kept]])
    return tf.ensure_shape(bins, [None, bin_count])


def _nyquist_factors(width: tf.Tensor, length: int, kept: tf.Tensor) -> tf.Tensor:
    """Return the factors ``(kept,)`` of the bins: 1, except at the lower Nyquist frequency.

    With N the smaller of ``width`` and ``length``, down-sampling folds the bins at +N/2 and -N/2
    into one (factor 2); up-sampling splits one bin into both (factor 1/2).
    """
    shorter = tf.minimum(width, length)
    at_nyquist = tf.logical_and(tf.equal(tf.range(kept) * 2, shorter), tf.not_equal(width, length))
    factor = tf.where(width > length, 2.0, 0.5)
    return tf.where(at_nyquist, factor, 1.0)


def _low_bins_by_nufft(
    signal: tf.Tensor, width: tf.Tensor, length: int, first: tf.Tensor | int = 0
) -> tf.Tensor:
    """Return the lowest ``length // 2 + 1`` bins of a longer signal by a non-uniform FFT.

    ``signal`` may be a piece of it that begins at sample ``first`` of ``width``.
    """
    # The fastest kept wave turns by pi * length / width radians from sample to sample.
    block_size = tf.cast(tf.cast(width, tf.float64) * _BLOCK_PHASE / (np.pi * length), tf.int32)
    grid_size = OVERSAMPLING * length
    grid = tf.cond(
        # Anterpolation is worth its cost if it at least halves the number of values.
        block_size >= 2 * NODE_COUNT,
        lambda: _spread_to_grid(_anterpolate(signal, block_size, first), width, grid_size),
        lambda: _spread_to_grid(_split_into_blocks(signal, first), width, grid_size),
    )
    bins = tf.signal.rfft(tf.transpose(grid))[:, : length // 2 + 1]
    correction = 1.0 / _kernel_transform(length)
    correction[-1] *= 2.0  # down-sampling folds the bins at +N/2 and -N/2 into one
    return bins * tf.constant(correction, tf.complex64)


def _split_into_blocks(signal: tf.Tensor, first: tf.Tensor | int) -> _Blocks:
    """Split a signal ``(rows, width)`` into zero-padded blocks of ``BLOCK_SIZE`` samples."""
    rows, width = tf.unstack(tf.shape(signal))
    blocks = -(-width // BLOCK_SIZE)
    padded = tf.pad(tf.cast(signal, tf.float32), [[0, 0], [0, blocks * BLOCK_SIZE - width]])
    values = tf.reshape(padded, [rows, blocks, BLOCK_SIZE])
    return _Blocks(values, tf.range(BLOCK_SIZE, dtype=tf.float64), BLOCK_SIZE, first)


def _anterpolate(signal: tf.Tensor, block_size: tf.Tensor, first: tf.Tensor | int) -> _Blocks:
    """Replace the samples of each block by ``NODE_COUNT`` weighted sums at its Chebyshev nodes.

    A wave w that is slow within a block is interpolated from its values at the nodes:
    w(sample) = sum over the nodes of L(sample, node) * w(node), L being the Lagrange basis. So the
    inner product of the samples x with w is that of the sums (transpose of L) x at the nodes with
    w. Gridding then has a fraction of the values to spread.

    Args:
        signal: ``(rows, width)``, any real dtype.
        block_size: samples in a block, within which the fastest kept wave turns by
            ``_BLOCK_PHASE`` radians.
        first: position of its first sample in the whole signal.
    """
    rows, width = tf.unstack(tf.shape(signal))
    blocks = -(-width // block_size)
    basis = tf.cast(_lagrange_basis(block_size), tf.float32)
    chunk_rows = tf.maximum(1, CHUNK_SIZE // width)

    def anterpolate_chunk(
        first: tf.Tensor, chunks: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.TensorArray]:
        # A few rows at a time: all rows as float32 would exceed the cache, and their memory would
        # be requested from the operating system for each image, which takes longer than the sums.
        chunk = signal[first : first + chunk_rows]
        padded = tf.pad(chunk, [[0, 0], [0, blocks * block_size - width]])
        sums = tf.matmul(tf.cast(tf.reshape(padded, [-1, block_size]), tf.float32), basis)
        sums = tf.reshape(sums, [tf.shape(chunk)[0], blocks, NODE_COUNT])
        return first + chunk_rows, chunks.write(first // chunk_rows, sums)

    chunks = tf.TensorArray(
        tf.float32,
        -(-rows // chunk_rows),
        infer_shape=False,
        element_shape=[None, None, NODE_COUNT],
    )
    _, chunks = tf.while_loop(lambda first, _: first < rows, anterpolate_chunk, (0, chunks))
    return _Blocks(chunks.concat(), _chebyshev_nodes(block_size), block_size, first)


def _chebyshev_nodes(block_size: tf.Tensor) -> tf.Tensor:
    """Return the nodes of a block, ``(NODE_COUNT,)`` float64 in samples from its start.

    They cover the interval from -1/2 to ``block_size`` - 1/2, half a sample around the block.
    """
    angles = np.pi * (np.arange(NODE_COUNT) + 0.5) / NODE_COUNT
    return (tf.cast(block_size, tf.float64) * (1.0 - np.cos(angles)) - 1.0) / 2.0


def _lagrange_basis(block_size: tf.Tensor) -> tf.Tensor:
    """Return ``(block_size, NODE_COUNT)`` float64: the nodes' Lagrange polynomials at each sample.

    Polynomial j at sample x is the product over all other nodes i of (x - node i) / (node j -
    node i): 1 at its own node and 0 at the others.
    """
    nodes = _chebyshev_nodes(block_size)
    samples = tf.cast(tf.range(block_size), tf.float64)
    is_other = ~np.eye(NODE_COUNT, dtype=bool)
    node_distances = nodes[:, tf.newaxis] - nodes[tf.newaxis, :]
    sample_distances = samples[:, tf.newaxis, tf.newaxis] - nodes
    # The denominator of the excluded factor is 0; replace it before the division.
    denominators = tf.where(is_other, node_distances, 1.0)
    factors = tf.where(is_other, sample_distances / denominators, 1.0)
    return tf.reduce_prod(factors, axis=2)


def _spread_to_grid(blocks: _Blocks, width: tf.Tensor, grid_size: int) -> tf.Tensor:
    """Convolve the values with the kernel and sample the result on a regular grid.

    The values of a block touch a short run of adjacent grid points, so each block is one small
    dense matrix product. The runs are then added up where they overlap.

    Args:
        blocks: the signal.
        width: samples of the whole signal.
        grid_size: grid points over the whole signal.

    Returns:
        ``(grid_size, rows)`` float32.
    """
    rows, block_count, _ = tf.unstack(tf.shape(blocks.values))
    spacing = tf.constant(grid_size, tf.float64) / tf.cast(width, tf.float64)
    weights, run_starts = _kernel_weights(blocks, block_count, spacing)
    runs = tf.matmul(weights, tf.transpose(blocks.values, [1, 2, 0]))
    run_length = tf.shape(weights)[1]
    # The signal is periodic: runs that extend beyond either end wrap around.
    grid_points = tf.math.floormod(run_starts[:, tf.newaxis] + tf.range(run_length), grid_size)
    runs = tf.reshape(runs, [block_count * run_length, rows])
    grid_points = tf.reshape(grid_points, [-1])
    # Sorting these few indices and a sorted segment sum are faster than `unsorted_segment_sum`.
    order = tf.argsort(grid_points)
    return tf.sparse.segment_sum(runs, order, tf.gather(grid_points, order), num_segments=grid_size)


def _kernel_weights(
    blocks: _Blocks, block_count: tf.Tensor, spacing: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Evaluate the kernel between the points of each block and the run of grid points they touch.

    Args:
        blocks: the signal.
        block_count: number of blocks.
        spacing: distance of two samples in steps of the grid, float64.

    Returns:
        Weights ``(block_count, run_length, points)`` float32 and the first grid point of each run,
        ``(block_count,)`` int32, which may be negative.
    """
    # Positions in steps of the grid. In float64: float32 would lose the fraction of a step at the
    # end of a long signal.
    offsets = blocks.offsets * spacing
    first_samples = blocks.first + tf.range(block_count) * blocks.size
    block_starts = tf.cast(first_samples, tf.float64) * spacing
    run_starts = tf.math.ceil(block_starts + offsets[0] - KERNEL_WIDTH / 2)
    run_length = tf.cast(tf.math.ceil(offsets[-1] - offsets[0]), tf.int32) + KERNEL_WIDTH + 1
    # Relative to the start of the run positions are small, so that float32 is precise enough.
    positions = tf.cast((block_starts - run_starts)[:, tf.newaxis] + offsets, tf.float32)
    run_points = tf.cast(tf.range(run_length), tf.float32)[:, tf.newaxis]
    distances = positions[:, tf.newaxis, :] - run_points
    return _kernel(distances * (2.0 / KERNEL_WIDTH)), tf.cast(run_starts, tf.int32)


def _kernel(z: tf.Tensor) -> tf.Tensor:
    """Exponential of semicircle exp(beta * (sqrt(1 - z^2) - 1)) on [-1, 1], zero outside."""
    inside = 1.0 - z * z
    value = tf.exp(KERNEL_BETA * (tf.sqrt(tf.maximum(inside, 0.0)) - 1.0))
    return tf.where(inside > 0.0, value, 0.0)


def _kernel_transform(length: int) -> npt.NDArray[np.float64]:
    """Return the Fourier transform of the kernel at the kept bins, ``(length // 2 + 1,)``.

    The integral has no closed form; Gauss-Legendre quadrature evaluates it. The kernel is even, so
    that its transform is real: a cosine transform.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    kernel = np.exp(KERNEL_BETA * (np.sqrt(1 - nodes**2) - 1))
    offsets = nodes * KERNEL_WIDTH / 2
    frequencies = 2 * np.pi * np.arange(length // 2 + 1) / (OVERSAMPLING * length)
    transform: npt.NDArray[np.float64] = np.cos(np.outer(frequencies, offsets)) @ (kernel * weights)
    return transform * KERNEL_WIDTH / 2
