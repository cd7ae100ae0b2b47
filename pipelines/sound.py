"""How songs sound, as Spotify measured it: what the CNN is taught beside popularity.

Popularity says little about how to listen: thousands of songs are needed before a network finds the
loudness or the beat in a spectrogram because it helps to predict popularity a little. Tables in the
layout of ``tracks.csv`` say both outright for every song.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.csv_rows import numbered_rows


class _Scale(NamedTuple):
    mean: float
    deviation: float


# Means and standard deviations over popular songs, rounded: they only bring all to one scale.
_SCALES = {
    "danceability": _Scale(0.6, 0.15),
    "energy": _Scale(0.6, 0.2),
    "loudness": _Scale(-8.5, 3.5),
    "mode": _Scale(0.7, 0.45),
    "speechiness": _Scale(0.07, 0.08),
    "acousticness": _Scale(0.3, 0.3),
    "instrumentalness": _Scale(0.03, 0.13),
    "liveness": _Scale(0.2, 0.16),
    "valence": _Scale(0.6, 0.24),
    "tempo": _Scale(120.0, 28.0),
}
SOUND = tuple(_SCALES)
"""Columns of ``tracks.csv`` that tell how a song sounds."""

_FURTHEST = 6.0
"""Deviations from the mean; a few rows hold what no song can sound like."""


def read_sound(paths: Sequence[Path], tracks: pd.DataFrame) -> pd.DataFrame:
    """Read how songs sound from the tables they stand in.

    Args:
        paths: the tables given to :func:`pipelines.kaggle.read_tracks`.
        tracks: rows of what that returned.

    Returns:
        One row for each of ``tracks``, in order, with the columns ``SOUND``, float; NaN where the
        table has no such column or no number there.

    Raises:
        InputError: a table cannot be read.
    """
    found = np.full((len(tracks), len(SOUND)), np.nan)
    for source, path in enumerate(paths):
        places = {
            row: place
            for place, (of, row) in enumerate(zip(tracks.source, tracks.row, strict=True))
            if of == source
        }
        rows = numbered_rows(path)
        _, header = next(rows, (1, []))
        columns = {name.strip(): column for column, name in enumerate(header)}
        wanted = [columns.get(name) for name in SOUND]
        for line, cells in rows:
            if line in places:
                found[places[line]] = [
                    math.nan if column is None else _number(cells[column]) for column in wanted
                ]
    return pd.DataFrame(found, columns=list(SOUND))


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def on_one_scale(sound: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Bring the columns ``SOUND`` to mean 0 and deviation 1, ``(songs, 10)``; NaN stays NaN."""
    scales = np.array([_SCALES[name] for name in SOUND])
    scaled = (sound[list(SOUND)].to_numpy("float64") - scales[:, 0]) / scales[:, 1]
    limited: npt.NDArray[np.float32] = np.clip(scaled, -_FURTHEST, _FURTHEST).astype("float32")
    return limited
