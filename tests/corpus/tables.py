"""Tables of tracks as spreadsheets, scripts and bad disks leave them."""

import csv
import gzip
import io
from collections.abc import Sequence

from tests.corpus.damage import (
    Files,
    archives,
    bit_flipped,
    labelled,
    other_formats,
    overwritten,
    truncated,
)

HEADER = ("id", "name", "popularity", "artists", "release_date")
Row = Sequence[str]

GOOD_ROWS: list[Row] = [
    ("a1", "Song One", "51", "['First Artist']", "1991-02-03"),
    ("a2", "Chanson Déjà", "7", "['Beyoncé', 'Second']", "2004"),
    ("a3", 'A "quoted", title', "99", "['Third Artist']", "1975-12"),
    ("a4", "Last Song", "0", "['Fourth Artist']", "2020-01-01"),
]


def encode(rows: Sequence[Row], separator: str = ",", line_end: str = "\r\n") -> str:
    """The text of a table."""
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=line_end).writerows(rows)
    return file.getvalue()


def usable_tables() -> Files:
    """The good rows in other encodings and layouts: all of them must be read as they are."""
    rows = [HEADER, *GOOD_ROWS]
    text = encode(rows)
    separators = {"semicolons": ";", "tabs": "\t", "vertical_bars": "|"}
    swapped = [row[::-1] for row in rows]
    return {
        "plain": text.encode(),
        "byte_order_mark": text.encode("utf-8-sig"),
        "latin_1": text.encode("latin-1"),
        "utf_16": text.encode("utf-16"),
        "utf_16_without_mark": text.encode("utf-16-le"),
        "utf_32": text.encode("utf-32"),
        "line_ends_of_unix": encode(rows, line_end="\n").encode(),
        "line_ends_of_old_macs": encode(rows, line_end="\r").encode(),
        "blank_lines": encode(rows, line_end="\n\n").encode(),
        "swapped_columns": encode(swapped).encode(),
        "more_columns": encode([(*row, "x", "") for row in rows]).encode(),
        "unnamed_columns_of_a_spreadsheet": encode([(*row, "", "") for row in rows]).encode(),
        "empty_rows_of_a_spreadsheet": (text + ",,,,\r\n" * 50).encode(),
        "separator_line": b"sep=;\r\n" + encode(rows, ";").encode(),
        "gzip": gzip.compress(text.encode(), mtime=0),
        **{name: encode(rows, separator).encode() for name, separator in separators.items()},
    }


def bad_rows() -> dict[str, Row]:
    """One row each that cannot be used, whatever is around it."""
    texts = {
        "popularity_nan": ("b", "T", "NaN", "['X']", "1990"),
        "popularity_infinite": ("b", "T", "inf", "['X']", "1990"),
        "popularity_text": ("b", "T", "very popular", "['X']", "1990"),
        "popularity_1e9": ("b", "T", "1e9", "['X']", "1990"),
        "popularity_1e999": ("b", "T", "1e999", "['X']", "1990"),
        "popularity_negative": ("b", "T", "-1", "['X']", "1990"),
        "popularity_empty": ("b", "T", "", "['X']", "1990"),
        "popularity_of_5000_digits": ("b", "T", "9" * 5000, "['X']", "1990"),
        "popularity_in_other_digits": ("b", "T", "٥١", "['X']", "1990"),
        "popularity_formula": ("b", "T", "=SUM(A1:A9)", "['X']", "1990"),
        "name_empty": ("b", "", "50", "['X']", "1990"),
        "name_of_spaces": ("b", " \t ", "50", "['X']", "1990"),
        "name_error_of_excel": ("b", "#REF!", "50", "['X']", "1990"),
        "artists_empty": ("b", "T", "50", "", "1990"),
        "artists_empty_list": ("b", "T", "50", "[]", "1990"),
        "artists_of_numbers": ("b", "T", "50", "[1, 2]", "1990"),
        "artists_not_closed": ("b", "T", "50", "['X", "1990"),
        "artists_of_code": ("b", "T", "50", "['X', __import__('os')]", "1990"),
        "artists_deeply_nested": ("b", "T", "50", "[" * 20_000, "1990"),
        "artists_a_dictionary": ("b", "T", "50", "{'a': 1}", "1990"),
        "date_text": ("b", "T", "50", "['X']", "last summer"),
        "date_of_5_digits": ("b", "T", "50", "['X']", "19911"),
        "date_in_the_future": ("b", "T", "50", "['X']", "9999-01-01"),
        "date_before_recordings": ("b", "T", "50", "['X']", "0001"),
        "date_serial_of_excel": ("b", "T", "50", "['X']", "33270"),
        "date_of_month_13": ("b", "T", "50", "['X']", "1991-13-01"),
        "columns_swapped": ("b", "50", "T", "1990", "['X']"),
        "one_cell": ("b",),
        "three_cells": ("b", "T", "50"),
        "nine_cells": ("b", "T", "50", "['X']", "1990", "1", "2", "3", "4"),
        "repeated_header": HEADER,
    }
    return dict(texts)


def odd_rows() -> dict[str, Row]:
    """Rows that are strange, but name a song: they are read, or named like bad ones."""
    titles = {
        "title_of_a_million_characters": "x" * 10**6,
        "title_of_100_000_characters": "y" * 100_000,
        "title_over_two_lines": "First\nSecond",
        "title_over_two_windows_lines": "First\r\nSecond",
        "title_with_control_characters": "a\x01b\x07c\x1bd\x7f",
        "title_with_null": "a\x00b",
        "title_right_to_left": "‮gnos‬ שיר أغنية",
        "title_of_combining_marks": "e" + "́" * 500,
        "title_of_emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
        "title_with_surrogate_names": r"\ud83d\ude00",
        "title_formula": '=HYPERLINK("http://example.com","x")',
        "title_command": "@SUM(1+1)*cmd|' /C calc'!A0",
        "title_of_separators": ",;\t|,;",
        "title_of_quotes": '""""',
        "title_not_a_number": "0x1p-3",
        "title_with_line_separator": "a\u2028b\u2029c\x85d",
        "title_of_markup": "<script>alert(1)</script>",
        "title_of_a_path": "../../etc/passwd",
    }
    return {name: ("b", title, "50", "['X']", "1990") for name, title in titles.items()}


def broken_tables(seed: int) -> Files:
    """Whole files that are damaged or no table of tracks."""
    text = encode([HEADER, *GOOD_ROWS])
    rows = [HEADER, *GOOD_ROWS]
    doubled = [(*row, row[2]) for row in rows]
    plain = text.encode()
    return {
        "no_rows": encode([HEADER]).encode(),
        "no_header": encode(GOOD_ROWS).encode(),
        "doubled_column": encode(doubled).encode(),
        "missing_column": encode([row[:4] for row in rows]).encode(),
        "other_columns": b"a,b,c\r\n1,2,3\r\n",
        "only_line_ends": b"\r\n" * 1000,
        "only_separators": b"," * 10_000,
        "100_000_columns": b"name," * 10**5,
        "quotation_mark_not_closed": plain.replace(b"Song One", b'"Song One', 1),
        "line_of_a_million_characters": plain + b"z" * 10**6,
        "null_characters_inside": plain.replace(b"Song", b"So\0ng"),
        "utf_8_cut_in_a_character": plain.replace("é".encode(), "é".encode()[:1]),
        "cyrillic_code_page": text.replace("Déjà", "Песня").encode("cp1251", "replace"),
        "two_encodings": plain + text.encode("latin-1"),
        "utf_16_cut": text.encode("utf-16")[:-3],
        "zip_of_a_later_version": _zip_of_version(156),
        "gzip_cut": gzip.compress(plain, mtime=0)[:-10],
        "fractions_of_1": encode(_with_popularity("0.5")).encode(),
        "hits_alone": encode(_with_popularity("1") * 5).encode(),
        **other_formats(seed),
        **labelled("csv", truncated(plain, 12)),
        **labelled("csv", bit_flipped(plain, 24, seed)),
        **labelled("csv", overwritten(plain, 8, seed)),
        **labelled("gzip", bit_flipped(gzip.compress(plain, mtime=0), 12, seed)),
    }


def _zip_of_version(tenths: int) -> bytes:
    entry = b"PK\x01\x02"
    content = archives()["zip_renamed"]
    return content.replace(
        entry + content[content.index(entry) + 4 :][:4], entry + bytes([tenths, 3, tenths, 0])
    )


def _with_popularity(popularity: str) -> list[Row]:
    return [HEADER, *((*row[:2], popularity, *row[3:]) for row in GOOD_ROWS)]
