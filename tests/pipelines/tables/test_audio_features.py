"""Audio features: reading and standardization."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.io import file_fingerprint
from pipelines.prepared_data import PreparedData
from pipelines.tables.audio_features import (
    AUDIO_FEATURES,
    read_audio_features,
    standardize_audio_features,
)
from pipelines.tables.tracks import open_tracks, parse_tracks

HEADER = "id,name,popularity,artists,release_date,energy,tempo,danceability,"


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Two tables; the second one has no audio features."""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(
        f"{HEADER}\n"
        "a,\"A\ntitle\",50,['X'],1999,0.8,140,0.5,\n"
        "b,B,50,['Y'],1999,,fast,nan,\n"
        "c,C,50,['Z'],1999,0.2,1e9,0.1,\n"
    )
    second.write_text("name,popularity,artists,release_date\nD,10,['X'],2001\n")
    return [first, second]


def test_features_follow_the_order_of_the_tracks(tables: list[Path]) -> None:
    opened = open_tracks(tables)
    tracks, _ = parse_tracks(opened)
    features = read_audio_features(opened, tracks.iloc[[3, 1, 0]])
    assert features.columns.tolist() == list(AUDIO_FEATURES)
    assert features.iloc[:2].isna().all(axis=None)
    assert features.loc[2, ["energy", "tempo", "danceability"]].tolist() == [0.8, 140.0, 0.5]
    assert features.loc[2].isna().sum() == len(AUDIO_FEATURES) - 3


def test_features_are_standardized_and_clipped() -> None:
    features = pd.DataFrame(
        np.tile([[0.6], [np.nan], [1e9]], len(AUDIO_FEATURES)), columns=list(AUDIO_FEATURES)
    )
    standardized = standardize_audio_features(features)
    assert standardized.dtype == np.float32
    assert standardized[0, AUDIO_FEATURES.index("danceability")] == 0
    assert np.isnan(standardized[1]).all()
    assert (standardized[2] == 6).all()


def test_missing_features_of_prepared_songs_are_nan(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text(
        f"artist,title,year,popularity,{','.join(AUDIO_FEATURES)}\nNA,None,1999,50,0.5{',' * 9}\n"
    )
    songs = PreparedData(tmp_path, {"fingerprints": {path.name: file_fingerprint(path)}}).songs
    assert songs.artist.tolist() == ["NA"]
    assert songs.title.tolist() == ["None"]
    standardized = standardize_audio_features(songs)
    assert np.isfinite(standardized[0, 0])
    assert np.isnan(standardized[0, 1:]).all()
