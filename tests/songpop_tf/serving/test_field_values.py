"""Fields of songs as Python programs hold them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InputError
from songpop_tf.serving.field_values import field_values, rows_of

UNKNOWN = field_values()


@pytest.mark.parametrize("missing", [None, np.nan, float("nan"), np.float32("nan")])
def test_missing_values_are_unknown(missing: Any) -> None:
    assert field_values(missing, missing, missing, missing, missing) == UNKNOWN
    assert UNKNOWN["year"] == 0


@pytest.mark.parametrize(
    "year", [1977, 1977.0, "1977", "1977-02-04", np.int16(1977), np.float32(1977)]
)
def test_year_may_be_any_whole_number_or_date(year: Any) -> None:
    received = field_values(year=year)["year"]
    assert received == 1977
    assert type(received) is int


def test_names_are_cleaned_as_those_of_tables() -> None:
    assert field_values(artist="['Queen', 'David Bowie']")["artist"] == "Queen, David Bowie"
    assert field_values(artist=np.str_("Queen"), title=" Innuendo\n")["title"] == "Innuendo"


def test_path_may_be_text() -> None:
    assert field_values(audio="a.mp3") == field_values(audio=Path("a.mp3"))
    assert field_values(spectrogram="") == UNKNOWN


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("artist", 5, "artist: expected text, received 5"),
        ("title", b"Dreams", "title: expected text, received b'Dreams'"),
        ("year", 1977.5, "year: expected a whole number, received 1977.5"),
        ("year", True, "year: expected a whole number, received True"),
        ("year", "soon", "year: expected YYYY"),
        ("audio", 1, "audio: expected the path of a file, received int"),
        ("spectrogram", np.zeros(3), "spectrogram: expected the path of a file, received ndarray"),
    ],
)
def test_errors_name_the_argument(field: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        field_values(**{field: value})


def test_rows_of_a_table_keep_labels_and_hide_missing_cells() -> None:
    table = pd.DataFrame(
        {"artist": ["A", None], "title": ["B", "C"], "year": [np.nan, 1999], "other": [1, 2]},
        index=["x", "y"],
    )
    for same in (table, table.convert_dtypes()):
        assert [(label, field_values(**values)) for label, values in rows_of(same)] == [
            ("x", field_values(artist="A", title="B")),
            ("y", field_values(title="C", year=1999)),
        ]


def test_table_without_a_column_is_refused() -> None:
    with pytest.raises(InputError, match="table: expected .* missing: title, year; received artis"):
        list(rows_of(pd.DataFrame({"artist": ["A"]})))
    with pytest.raises(InputError, match="table: expected a pandas.DataFrame, received list"):
        list(rows_of(["A"]))  # type: ignore[arg-type]
