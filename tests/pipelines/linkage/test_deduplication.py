"""Versions and groups of songs, whatever their spelling."""

import pytest

from pipelines.linkage.deduplication import component_labels, is_version_of_any, song_groups
from tests.pipelines.linkage.track_tables import tracks_of

SONG = tracks_of(("Simon & Garfunkel", "The Boxer (Lie-La-Lie)", 1969))


@pytest.mark.parametrize(
    ("artist", "title", "is_version"),
    [
        ("Simon & Garfunkel", "The Boxer", True),
        ("Simon and Garfunkel", "The Boxer - Live at Central Park", True),
        ("Paul;Garfunkel", "Boxer (Club Remix)", True),
        ("Garfunkel", "The Boxers", True),
        ("Simon", "The Boxer / Baby Driver", True),
        ("Simom & Garfunkle", "The Boxer", True),
        ("Mumford & Sons", "The Boxer", False),
        ("Simon & Garfunkel", "America", False),
    ],
)
def test_every_version_of_a_song_is_found(artist: str, title: str, is_version: bool) -> None:
    matches = is_version_of_any(tracks_of((artist, title, 2000)), SONG)
    assert matches.to_dict() == {100: is_version}


def test_versions_of_a_song_share_a_group() -> None:
    tracks = tracks_of(
        ("Santana;Rob Thomas", "Smooth", 1999),
        ("Santana", "Maria", 1999),
        ("Santana", "Smooth (feat. Rob Thomas) - Live", 2001),
        ("Rob Thomas & Santana", "smooth", 0),
        ("Somebody Else", "Smooth", 1999),
        ("Santana", "Maria, Pt. 2", 1999),
    )
    assert song_groups(tracks).to_dict() == {100: 0, 101: 1, 102: 0, 103: 0, 104: 2, 105: 1}


def test_rows_connected_through_other_rows_share_a_label() -> None:
    labels = component_labels([("a",), ("x",), ("b", "c"), (), ("a", "b")])
    assert labels.tolist() == [0, 1, 0, 2, 0]
