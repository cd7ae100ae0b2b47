"""Real tables, where SONGPOP_REAL_DATA names a folder that holds them."""

import os
from pathlib import Path

import pandas as pd
import pytest

from pipelines.kaggle import INVALID, read_tracks
from pipelines.linkage import UNMATCHED, link

FOLDER = os.environ.get("SONGPOP_REAL_DATA", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="SONGPOP_REAL_DATA names no folder")


def table(name: str) -> Path:
    return Path(FOLDER) / name


def test_every_row_of_the_kaggle_table_can_be_read() -> None:
    path = table("tracks_kaggle_sample.csv")
    tracks, rejects = read_tracks([path])
    assert not (rejects.kind == INVALID).any()
    assert len(tracks) + len(rejects) == len(pd.read_csv(path))
    assert tracks.year.between(1920, 2021).all()


def test_real_spellings_are_linked() -> None:
    tracks, _ = read_tracks([table("tracks_hot100.csv")])
    songs = pd.read_csv(table("year_end_hot100.csv"), keep_default_na=False).sample(
        800, random_state=0
    )
    names = songs.artist + " - " + songs.title.str.replace("/", "_")
    files = pd.DataFrame(
        {
            "file": [f"{i}.png" for i in range(len(songs))],
            "year": songs.year.array,
            "name": names.array,
        }
    )
    linked = link(files, tracks)
    # Some songs do not stand in the table at all: nine in ten of all is more than of those that do.
    assert (linked.kind != UNMATCHED).mean() > 0.88
    gap = (linked.matched_year - linked.year)[
        (linked.kind != UNMATCHED) & (linked.matched_year > 0)
    ]
    assert (gap.abs() <= 2).mean() > 0.97
