"""Small tables of tracks for tests."""

import pandas as pd

Row = tuple[str, str, int]


def tracks_of(*rows: Row, popularity: float = 50.0) -> pd.DataFrame:
    """Tracks of (artists joined by ';', title, year); the index is not the position."""
    artists = [tuple(artist.split(";")) for artist, _, _ in rows]
    return pd.DataFrame(
        {
            "title": [title for _, title, _ in rows],
            "artist": [", ".join(names) for names in artists],
            "artists": artists,
            "year": [year for _, _, year in rows],
            "popularity": popularity,
            "source": 0,
        },
        index=pd.RangeIndex(100, 100 + len(rows)),
    )
