"""What each second and each frequency band of a spectrogram changes.

A part is covered with the mean of the rest of its rows, a band over the whole song with black
(Zeiler & Fergus 2014, arXiv:1311.2901; `pipelines.spectrograms.occlusion`). Its effect is the
prediction minus that of the covered song.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pipelines.spectrograms.widths import COLUMNS_PER_SECOND
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.variants import Patch, Variant

LOWEST_HERTZ, HIGHEST_HERTZ = 30.0, 12_000.0
BANDS = 16
MAX_SEGMENTS, MIN_SEGMENTS = 90, 20
"""A song is cut into segments of a second; a long one into at most 90, a short one into 20."""


@dataclass(frozen=True)
class SegmentEffect:
    """Effect of a part of the song's time: from ``start`` to ``end`` in seconds, in points."""

    start: float
    end: float
    effect: float


@dataclass(frozen=True)
class BandEffect:
    """Effect of the frequencies from ``low`` to ``high`` in Hz, in points."""

    low: float
    high: float
    effect: float


def segment_patches(rows: int, columns: int) -> list[Patch]:
    """Cut a spectrogram into segments of time of nearly equal length."""
    count = int(np.clip(columns / COLUMNS_PER_SECOND, MIN_SEGMENTS, MAX_SEGMENTS))
    edges = np.linspace(0, columns, count + 1).round().astype(int).tolist()
    return [Patch(first, end - 1, 0, rows - 1) for first, end in pairwise(edges)]


def band_patches(rows: int, columns: int) -> list[Patch]:
    """Cut a spectrogram into bands of equal height, from low to high frequencies."""
    edges = np.linspace(rows, 0, BANDS + 1).round().astype(int).tolist()
    return [Patch(0, columns - 1, top, end - 1) for end, top in pairwise(edges)]


def covered_variants(whole: Variant, patches: Sequence[Patch]) -> list[Variant]:
    """The song with each of the patches covered."""
    return [replace(whole, covered=patch) for patch in patches]


def segment_effects(
    variants: Sequence[Variant], predictions: Mapping[Variant, Prediction], popularity: float
) -> tuple[SegmentEffect, ...]:
    """The effect of each segment, given the song without it and its prediction as it is."""
    return tuple(
        SegmentEffect(
            variant.covered.first_column / COLUMNS_PER_SECOND,
            (variant.covered.last_column + 1) / COLUMNS_PER_SECOND,
            popularity - predictions[variant].popularity,
        )
        for variant in variants
    )


def band_effects(
    variants: Sequence[Variant],
    predictions: Mapping[Variant, Prediction],
    popularity: float,
    rows: int,
) -> tuple[BandEffect, ...]:
    """The effect of each band, given the song without it and its prediction as it is."""
    return tuple(
        BandEffect(
            hertz_at(variant.covered.last_row + 1, rows),
            hertz_at(variant.covered.first_row, rows),
            popularity - predictions[variant].popularity,
        )
        for variant in variants
    )


def hertz_at(row: float, rows: int) -> float:
    """The frequency at the upper edge of a row; row 0 is the top of the image."""
    return float(LOWEST_HERTZ * (HIGHEST_HERTZ / LOWEST_HERTZ) ** (1 - row / rows))


def most_important(effects: Sequence[float], count: int) -> list[int]:
    """The ``count`` parts that together raise or lower the prediction most.

    All of them raise it, or all lower it: parts of opposite effects would cancel out.

    Returns:
        Their indices, the most important first.
    """
    ascending = np.argsort(effects, kind="stable")
    lowest, highest = ascending[:count], ascending[::-1][:count]
    values = np.asarray(effects)
    selected = max((highest, lowest), key=lambda indices: abs(values[indices].sum()))
    return [int(index) for index in selected]
