"""Years, numbers, names and missing values in cells."""

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.tables.cells import (
    are_missing_names,
    clean_name,
    is_missing,
    parse_number,
    parse_year,
)


@pytest.mark.parametrize(
    "text",
    [
        "1977",
        " 1977 ",
        "1977.0",
        "1977,0",
        "1977.",
        "1977-02",
        "1977-02-04",
        "1977-00-00",
        "1977-02-00",
        "1977-01-01 00:00:00+00:00",
        "1977-01-01T00:00:00Z",
        "1977-01-01 00:00:00.000",
        "1977/02/04",
        "04.02.1977",
        "2/4/1977",
        "31-12-1977",
        "04.02.1977 00:00",
    ],
)
def test_year_of_a_date_is_read(text: str) -> None:
    assert parse_year(text) == 1977


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", "None", "NaT", "<NA>", "null", "N/A"])
def test_missing_value_is_an_unknown_year(text: str) -> None:
    assert is_missing(text)
    assert parse_year(text) == 0


@pytest.mark.parametrize(
    "text",
    ["soon", "1977.5", "1977-13-01", "1977-01-32", "19770204", "2/4/77", "-5", "1977-02/04", "7e1"],
)
def test_other_text_is_no_year(text: str) -> None:
    with pytest.raises(InputError, match="YYYY"):
        parse_year(text)


@pytest.mark.parametrize(
    ("text", "decimal_comma", "number"),
    [
        ("7.5", False, 7.5),
        (" 7 ", False, 7.0),
        ("-5,616", True, -5.616),
        ("7,5", False, None),
        ("1,000.5", True, None),
        ("1_0", False, None),
        ("inf", False, None),
        ("1e999", False, None),
        ("", False, None),
    ],
)
def test_numbers(text: str, decimal_comma: bool, number: float | None) -> None:
    assert parse_number(text, decimal_comma) == number


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A\r\nB ", "A B"),
        ("Cafe\u0301", "Café"),
        ("nan", ""),
        ("NaN", ""),
        ("<NA>", ""),
        ("#N/A", ""),
        ("None", "None"),
        ("NA", "NA"),
        ("Nan", "Nan"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_names_are_cleaned(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_none_is_a_name_unless_all_names_of_a_row_are() -> None:
    assert not are_missing_names("None", "Queen")
    assert are_missing_names("None", "null")
    assert are_missing_names("None", "")


DATE_FORMATS = (
    "{0.year:04}",
    "{0.year:04}-{0.month:02}",
    "{0:%d.%m.}{0.year:04}",
    "{0}",
    "{0} 23:59",
)
DATE_FORMATS += (
    "{0.year:04}/{0.month}/{0.day}",
    "{0.month}/{0.day}/{0.year:04}",
    " {0}T00:00:00Z ",
)


@given(date=st.dates(), form=st.sampled_from(DATE_FORMATS))
def test_year_of_any_date_in_any_notation(date: datetime.date, form: str) -> None:
    assert parse_year(form.format(date)) == date.year


@given(text=st.text())
def test_any_other_text_is_a_year_or_an_error_in_one_line(text: str) -> None:
    found = year_or_error(text)
    assert found in range(10_000) or len(str(found).splitlines()) == 1


def year_or_error(text: str) -> int | str:
    try:
        return parse_year(text)
    except InputError as error:
        return str(error)


@given(number=st.floats(allow_nan=False, allow_infinity=False), text=st.text())
def test_numbers_are_finite_and_as_python_writes_them(number: float, text: str) -> None:
    assert parse_number(repr(number), decimal_comma=False) == number
    parsed = parse_number(text, decimal_comma=True)
    assert parsed is None or math.isfinite(parsed)


@given(text=st.text())
def test_names_are_one_line_and_stay_as_they_are(text: str) -> None:
    name = clean_name(text)
    assert len(name.splitlines()) <= 1
    assert clean_name(name) == name
