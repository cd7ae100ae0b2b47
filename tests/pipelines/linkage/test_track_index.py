"""Look-up of tracks by the keys of a credit."""

from pipelines.linkage.track_index import TrackIndex, compact_title_key, credit_keys
from tests.pipelines.linkage.track_tables import tracks_of


def test_tracks_by_credit_share_an_artist_who_is_first_in_either_credit() -> None:
    index = TrackIndex(
        tracks_of(("Nas", "Home", 1999), ("B Band;Nas", "Home", 1999), ("A;C", "Home", 1999)),
        title_keys={"home"},
    )
    assert index.by_credit(credit_keys(["A feat. Nas"])) == [0, 2]


def test_only_the_titles_to_look_up_are_indexed() -> None:
    tracks = tracks_of(("Nas", "Home", 1999), ("Nas", "The Home!", 2001), ("Nas", "Away", 1999))
    index = TrackIndex(tracks, title_keys={compact_title_key("Home"), "absent"})
    assert index.by_title == {compact_title_key("Home"): [0, 1]}
