"""Spotify's audio features of the songs: auxiliary training targets of the CNN beside popularity.

Popularity is a weak training signal for a spectrogram encoder: it takes thousands of songs until
the encoder learns loudness or tempo because they help to predict popularity a little. Tables in
the layout of ``tracks.csv`` hold both for every song.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.tables.cells import parse_number
from pipelines.tables.csv_reader import Table


class Scale(NamedTuple):
    mean: float
    stddev: float


# Over popular songs, rounded: they only bring all features to one scale.
AUDIO_FEATURE_SCALES = {
    "danceability": Scale(0.6, 0.15),
    "energy": Scale(0.6, 0.2),
    "loudness": Scale(-8.5, 3.5),
    "mode": Scale(0.7, 0.45),
    "speechiness": Scale(0.07, 0.08),
    "acousticness": Scale(0.3, 0.3),
    "instrumentalness": Scale(0.03, 0.13),
    "liveness": Scale(0.2, 0.16),
    "valence": Scale(0.6, 0.24),
    "tempo": Scale(120.0, 28.0),  # the last one: the CNN appends it
}
"""Mean and standard deviation by which each feature is standardized."""
AUDIO_FEATURES = tuple(AUDIO_FEATURE_SCALES)
"""Columns of ``tracks.csv`` with Spotify's audio features."""

_MAX_ABS_Z_SCORE = 6.0
"""Some rows hold values that no song can have; clipping bounds their loss."""


def read_audio_features(tables: Sequence[Table], tracks: pd.DataFrame) -> pd.DataFrame:
    """Read the audio features of tracks from their source tables.

    Args:
        tables: those given to `pipelines.tables.tracks.parse_tracks`.
        tracks: rows of the table that it returned, in any order.

    Returns:
        One row for each of ``tracks``, in order, with the columns ``AUDIO_FEATURES``, float; NaN
        where the table has no such column or no number in the cell.

    Raises:
        InputError: a table cannot be read.
    """
    features = np.full((len(tracks), len(AUDIO_FEATURES)), np.nan)
    for source, table in enumerate(tables):
        position_of_line = {
            line: position
            for position, (track_source, line) in enumerate(
                zip(tracks.source, tracks.row, strict=True)
            )
            if track_source == source
        }
        feature_columns = [table.columns.get(name) for name in AUDIO_FEATURES]
        for line, cells in table.rows():
            if line in position_of_line:
                features[position_of_line[line]] = [
                    math.nan if column is None else _parse_feature(cells[column], table)
                    for column in feature_columns
                ]
    return pd.DataFrame(features, columns=list(AUDIO_FEATURES))


def _parse_feature(cell: str, table: Table) -> float:
    number = parse_number(cell, table.decimal_comma)
    return math.nan if number is None else number


def standardize_audio_features(audio_features: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Scale the columns ``AUDIO_FEATURES`` to zero mean and unit variance, clipped to +-6.

    Returns:
        Array ``(songs, 10)``, float32; NaN stays NaN.
    """
    statistics = np.array([AUDIO_FEATURE_SCALES[name] for name in AUDIO_FEATURES])
    mean, stddev = statistics[:, 0], statistics[:, 1]
    z_scores = (audio_features[list(AUDIO_FEATURES)].to_numpy("float64") - mean) / stddev
    clipped: npt.NDArray[np.float32] = np.clip(
        z_scores, -_MAX_ABS_Z_SCORE, _MAX_ABS_Z_SCORE
    ).astype("float32")
    return clipped
