"""Duplicates are found by id, and by title, artist and year."""

import pandas as pd
import pytest

from pipelines.tables.duplicates import find_originals


def table(*rows: tuple[str, str, int, float, int]) -> pd.DataFrame:
    """Tracks by one artist from their id, title, year, popularity and source."""
    frame = pd.DataFrame(rows, columns=["track_id", "title", "year", "popularity", "source"])
    return frame.assign(artist="Ana", row=range(2, len(frame) + 2))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The highest popularity of a source is kept, the first row of equals.
        (
            [("a", "Home", 1999, 5, 0), ("b", "Home", 1999, 7, 0), ("c", "Home", 1999, 7, 0)],
            [1] * 3,
        ),
        # An earlier source takes precedence.
        ([("a", "Home", 1999, 5, 0), ("a", "House", 2001, 70, 1)], [0, 0]),
        # Rows without an id are no duplicates of each other.
        ([("", "Home", 1999, 5, 0), ("", "Away", 1999, 5, 0)], [0, 1]),
        # What equals a duplicate alone is kept: the second row is dropped for its id.
        (
            [("a", "Home", 1999, 9, 0), ("a", "Away", 1999, 8, 0), ("b", "Away", 1999, 7, 0)],
            [0, 0, 2],
        ),
        # The row with the same id is named before the one of the same song.
        (
            [("a", "Home", 1999, 9, 0), ("b", "Away", 1999, 8, 0), ("b", "Home", 1999, 7, 0)],
            [0, 1, 1],
        ),
    ],
)
def test_originals(rows: list[tuple[str, str, int, float, int]], expected: list[int]) -> None:
    assert find_originals(table(*rows)).tolist() == expected


def test_number_of_another_column_is_another_song() -> None:
    rows = table(("", "Home", 1999, 5, 0), ("", "Home", 2000, 5, 0))
    assert find_originals(rows).tolist() == [0, 1]
    assert find_originals(rows.assign(year=1999)).tolist() == [0, 0]
    assert find_originals(rows.assign(year=1999, artist=["Ana", "Bo"])).tolist() == [0, 1]
