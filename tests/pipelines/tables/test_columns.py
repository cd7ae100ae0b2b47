"""Finding columns under their usual names."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.tables.columns import ARTIST_NAMES, TITLE_NAMES, find_columns, renaming_note

SYNONYMS = {"name": TITLE_NAMES, "artists": ARTIST_NAMES, "energy": ()}


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["title", "artist", "name"], {"name": 2, "artists": 1}),
        (["Track Name", "Artist Name(s)"], {"name": 0, "artists": 1}),
        (["track_name", "artist(s)_name", "ENERGY"], {"name": 0, "artists": 1, "energy": 2}),
        (["Name ", "ARTISTS"], {"artists": 1, "name": 0}),
        (["energy_%", "tune"], {}),
        (["track", "title"], {"name": 1}),
    ],
)
def test_columns_are_found(header: list[str], columns: dict[str, int]) -> None:
    assert find_columns(Path("t.csv"), header, SYNONYMS) == columns


@pytest.mark.parametrize(
    "header", [["name", "name"], ["Name", "NAME"], ["track name", "TrackName"]]
)
def test_column_that_is_there_twice_is_refused(header: list[str]) -> None:
    with pytest.raises(InputError, match=r"t\.csv: expected .*column"):
        find_columns(Path("t.csv"), header, SYNONYMS)


def test_note_names_the_columns_of_another_name() -> None:
    assert renaming_note(["Song", "Artists"], {"name": 0, "artists": 1}) == (
        "columns taken: Song as name"
    )
    assert renaming_note(["name"], {"name": 0}) == ""
