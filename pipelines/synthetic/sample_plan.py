"""The content of a sample, determined before any song is synthesized."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from pipelines.synthetic.song_attributes import AudioAttributes


@dataclass(frozen=True)
class PlannedSong:
    """One song to synthesize.

    Attributes:
        path: `<year>/<Artist>_-_<Title>.png`, relative to the directory of spectrograms.
        attributes: of the song.
        seconds: length of the song.
    """

    path: PurePosixPath
    attributes: AudioAttributes
    seconds: float


@dataclass(frozen=True)
class SamplePlan:
    """A whole sample.

    Attributes:
        songs: those with a spectrogram; paths are unique, ignoring case.
        tracks: the rows of tracks.csv, or the file to copy.
        rows: number of rows of tracks.csv.
        reachable_r2: best R2 that a model of each branch can reach on these songs;
            None if unknown.
        best_predictions: best prediction of each branch for each song (columns text, cnn,
            combined); None if unknown.
    """

    songs: tuple[PlannedSong, ...]
    tracks: pd.DataFrame | Path
    rows: int
    reachable_r2: Mapping[str, float] | None
    best_predictions: pd.DataFrame | None


def parse_audio_attributes(row: Mapping[str, float]) -> AudioAttributes:
    """Return the attributes in a row of tracks.csv, whose values are numbers already."""
    return AudioAttributes(
        tempo=float(row["tempo"]),
        key=int(row["key"]),
        mode=int(row["mode"]),
        loudness=float(row["loudness"]),
        energy=float(row["energy"]),
        danceability=float(row["danceability"]),
        acousticness=float(row["acousticness"]),
    )
