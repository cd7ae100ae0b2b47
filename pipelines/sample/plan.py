"""What a sample will hold, decided before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from pipelines.sample.canvas import COLUMNS_PER_SECOND
from pipelines.sample.traits import SoundTraits


@dataclass(frozen=True)
class PlannedImage:
    """One spectrogram to draw.

    Attributes:
        path: `<year>/<Artist>_-_<Title>.png`, relative to the folder of spectrograms.
        traits: what the song sounds like.
        columns: width of the image.
    """

    path: PurePosixPath
    traits: SoundTraits
    columns: int


@dataclass(frozen=True)
class SamplePlan:
    """All of a sample.

    Attributes:
        images: the spectrograms, no two of one path whatever the case.
        tracks: the rows of tracks.csv, or the file to copy.
        rows: how many rows tracks.csv holds.
        reachable_r2: best R2 a model of each branch can reach on the drawn songs; None where
            nobody knows it.
        best: the best prediction of each branch for each image (columns text, cnn, combined);
            None where nobody knows it.
    """

    images: tuple[PlannedImage, ...]
    tracks: pd.DataFrame | Path
    rows: int
    reachable_r2: Mapping[str, float] | None
    best: pd.DataFrame | None


def columns_of(seconds: float) -> int:
    """Return the width of the image of a song of so many seconds."""
    return round(seconds * COLUMNS_PER_SECOND)


def traits_of(row: Mapping[str, float]) -> SoundTraits:
    """Return the traits in a row of tracks.csv, its values already numbers."""
    return SoundTraits(
        tempo=float(row["tempo"]),
        key=int(row["key"]),
        mode=int(row["mode"]),
        loudness=float(row["loudness"]),
        energy=float(row["energy"]),
        danceability=float(row["danceability"]),
        acousticness=float(row["acousticness"]),
    )
