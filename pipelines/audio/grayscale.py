"""Gray levels of a spectrogram: linear in amplitude, as in the data set."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CLIP_FRACTION = 0.999
"""Fraction of the pixels below white: the maximum would let one click rule the whole song."""
MAX_MEDIAN, MIN_BLACK = 5.0, 0.2
"""Gray levels of the data set: most pixels are black. Decibel scales have a median far above."""

FULL_SCALES = (255, 1023, 4095, 16383, 65535)
"""White of 8, 10, 12, 14 and 16 bits, any of which is stored in 16-bit images."""

Pixels = npt.NDArray[np.uint8]
Histogram = npt.NDArray[np.float64]

_QUANTILES = np.r_[np.linspace(0.0, 0.99, 100), 0.995, 0.999, 1.0]


def to_grayscale(amplitudes: npt.NDArray[np.float32], curve: Pixels | None = None) -> Pixels:
    """Map amplitudes to gray levels.

    Linear, white from the song's 99.9th percentile on, so that gain changes nothing.

    Args:
        amplitudes: ``(columns, 256)`` of a whole song, the lowest row first.
        curve: ``(256,)`` gray level for each linear one, from :func:`fit_curve`.

    Returns:
        ``(256, columns)``, low frequencies at the bottom.
    """
    white = clip_level(amplitudes)
    scale = np.float32(255.0 / white) if white > 0 else np.float32(0.0)
    levels = np.rint(np.minimum(amplitudes * scale, np.float32(255.0))).astype(np.uint8)
    if curve is not None:
        levels = curve[levels]
    return np.ascontiguousarray(levels.T[::-1])


def clip_level(amplitudes: npt.NDArray[np.float32]) -> float:
    """The amplitude at rank ``floor(0.999 (n - 1))``; 0 for a spectrogram without columns."""
    if amplitudes.size == 0:
        return 0.0
    rank = int(CLIP_FRACTION * (amplitudes.size - 1))
    return float(np.partition(amplitudes, rank, axis=None)[rank])


def to_8_bits(image: npt.NDArray[np.unsignedinteger]) -> Pixels:
    """Reduce the gray levels of a 16-bit image to 8 bits.

    White is that of the fewest bits that hold all levels. An image that only uses the low byte
    would become black otherwise. Levels that are all multiples of 257 were 8-bit ones.
    """
    if image.size == 0:
        return image.astype(np.uint8)
    is_expanded = not np.any(image % 257)
    full_scale = FULL_SCALES[-1 if is_expanded else np.searchsorted(FULL_SCALES, image.max())]
    levels: Pixels = np.rint(image * np.float32(255 / full_scale)).astype(np.uint8)
    return levels


def gray_histogram(image: Pixels) -> Histogram:
    """Fraction of the pixels of each gray level, ``(256,)``."""
    histogram: Histogram = np.bincount(image.ravel(), minlength=256) / image.size
    return histogram


def gray_quantiles(histograms: Sequence[Histogram]) -> npt.NDArray[np.float64]:
    """Quantiles of the gray levels of all images, each counting alike."""
    cumulative = np.cumsum(np.mean(histograms, axis=0))
    levels = np.searchsorted(cumulative, _QUANTILES - 1e-12).clip(max=255)
    quantiles: npt.NDArray[np.float64] = levels.astype(np.float64)
    return quantiles


def fit_curve(originals: Sequence[Histogram], converted: Sequence[Histogram]) -> Pixels:
    """Fit a monotone map of gray levels, so that converted songs have those of original files.

    Args:
        originals: of spectrograms of the data set, not resized.
        converted: of spectrograms from `to_grayscale`, of any songs.

    Returns:
        ``(256,)`` uint8: the gray level for each linear one; black stays black.
    """
    levels = np.interp(np.arange(256), *_strictly_increasing(converted, originals))
    levels[0] = 0
    curve: Pixels = np.rint(np.maximum.accumulate(levels)).astype(np.uint8)
    return curve


def _strictly_increasing(
    converted: Sequence[Histogram], originals: Sequence[Histogram]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quantiles of both; where several of the first are equal, the highest of the second."""
    x, y = gray_quantiles(converted), gray_quantiles(originals)
    distinct, first = np.unique(x[::-1], return_index=True)
    return distinct, y[::-1][first]


def grayscale_warning(histograms: Sequence[Histogram]) -> str:
    """Say in one line if spectrograms have other gray levels than the data set; else ""."""
    median = float(np.interp(0.5, _QUANTILES, gray_quantiles(histograms)))
    black = float(np.mean([histogram[0] for histogram in histograms]))
    if median <= MAX_MEDIAN and black >= MIN_BLACK:
        return ""
    return (
        f"expected a median gray level of at most {MAX_MEDIAN:.0f} and {MIN_BLACK:.0%} black "
        f"pixels as in the data set, received {median:.0f} and {black:.0%}: probably a decibel "
        "scale, or images that were resized"
    )
