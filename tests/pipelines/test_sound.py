"""How songs sound, read from the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.kaggle import read_tracks
from pipelines.prepared import PreparedData
from pipelines.sound import SOUND, on_one_scale, read_sound

HEADER = "id,name,popularity,artists,release_date,energy,tempo,danceability,"


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Two tables; the second one says nothing of how its songs sound."""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(
        f"{HEADER}\n"
        "a,\"A\ntitle\",50,['X'],1999,0.8,140,0.5,\n"
        "b,B,50,['Y'],1999,,fast,nan,\n"
        "c,C,50,['Z'],1999,0.2,1e9,0.1,\n"
    )
    second.write_text("name,popularity,artists,release_date\nD,10,['X'],2001\n")
    return [first, second]


def test_reads_what_is_known_of_the_rows_asked_for(tables: list[Path]) -> None:
    tracks, _ = read_tracks(tables)
    sound = read_sound(tables, tracks.iloc[[3, 1, 0]])
    assert sound.columns.tolist() == list(SOUND)
    assert sound.iloc[:2].isna().all(axis=None)
    assert sound.loc[2, ["energy", "tempo", "danceability"]].tolist() == [0.8, 140.0, 0.5]
    assert sound.loc[2].isna().sum() == len(SOUND) - 3


def test_one_scale_for_all_and_nothing_beyond_it() -> None:
    sound = pd.DataFrame(np.tile([[0.6], [np.nan], [1e9]], len(SOUND)), columns=list(SOUND))
    scaled = on_one_scale(sound)
    assert scaled.dtype == np.float32
    assert scaled[0, SOUND.index("danceability")] == 0
    assert np.isnan(scaled[1]).all()
    assert (scaled[2] == 6).all()


def test_what_is_not_known_of_a_song_stays_a_number(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(
        f"artist,title,year,popularity,{','.join(SOUND)}\nNA,None,1999,50,0.5{',' * 9}\n"
    )
    songs = PreparedData(tmp_path, {}).songs
    assert songs.artist.tolist() == ["NA"]
    assert songs.title.tolist() == ["None"]
    scaled = on_one_scale(songs)
    assert np.isfinite(scaled[0, 0])
    assert np.isnan(scaled[0, 1:]).all()
