"""Look-up of tracks by the keys of a credit."""

from pipelines.linkage.track_index import TrackIndex, credit_keys
from tests.pipelines.linkage.track_tables import tracks_of


def test_tracks_by_credit_share_an_artist_who_is_first_in_either_credit() -> None:
    index = TrackIndex(
        tracks_of(("Nas", "Home", 1999), ("B Band;Nas", "Home", 1999), ("A;C", "Home", 1999))
    )
    assert index.by_credit(credit_keys(["A feat. Nas"])) == [0, 2]
