"""Find the rows of a table of tracks that repeat another row."""

import numpy as np
import numpy.typing as npt
import pandas as pd

_NONE = -1


def find_originals(tracks: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Find the row that each row is a duplicate of.

    A row is a duplicate if a kept row has its id, or exactly its title, artist and year. An earlier
    source takes precedence over a later one, within a source the higher popularity, then the
    earlier row.

    Args:
        tracks: columns track_id (str, "" = none), title, artist, year, popularity, source and row.

    Returns:
        A position for each row; of the rows that are kept, their own.
    """
    # Missing values get the code -1.
    ids = pd.factorize(tracks["track_id"].where(tracks["track_id"] != ""))[0]
    songs = tracks.groupby(["title", "artist", "year"], sort=False).ngroup().to_numpy()
    popularity, source = tracks["popularity"].to_numpy(), tracks["source"].to_numpy()
    by_preference = np.lexsort((tracks["row"].to_numpy(), -popularity, source))
    # Arrays of integers: dictionaries of the texts would need several times the table's memory.
    kept_of_id = np.full(len(tracks), _NONE)
    kept_of_song = np.full(len(tracks), _NONE)
    original = np.empty(len(tracks), np.int64)
    for position in by_preference:
        track_id, song = ids[position], songs[position]
        first = kept_of_id[track_id] if track_id != _NONE else _NONE
        if first == _NONE:
            first = kept_of_song[song]
        if first == _NONE:
            first = kept_of_song[song] = position
            if track_id != _NONE:
                kept_of_id[track_id] = position
        original[position] = first
    return original
