"""Reading tables: lines, separators, and what spreadsheets leave behind."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.tables.csv_reader import Table, open_table

SYNONYMS = {"artist": ("artist_name",), "title": ("name", "track_name"), "year": ()}


def open_text(directory: Path, text: str, encoding: str = "utf-8") -> Table:
    (directory / "t.csv").write_bytes(text.encode(encoding))
    return open_table(directory / "t.csv", SYNONYMS)


def cells(table: Table) -> list[list[str]]:
    return [row for _, row in table.rows()]


def test_rows_have_the_line_on_which_they_start(tmp_path: Path) -> None:
    table = open_text(tmp_path, '\ufefftitle\n"two\nlines"\n\nlast\n')
    assert table.header == ["title"]
    assert list(table.rows()) == [(2, ["two\nlines"]), (5, ["last"])]
    assert list(table.rows()) == [(2, ["two\nlines"]), (5, ["last"])], "it can be read again"
    assert table.notes == []


def test_missing_file_raises_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.csv: expected a CSV file.*No such file"):
        open_table(tmp_path / "missing.csv", SYNONYMS)
    with pytest.raises(InputError, match="expected a CSV file.*Is a directory"):
        open_table(tmp_path, SYNONYMS)


def test_unclosed_quote_raises_input_error_with_line(tmp_path: Path) -> None:
    table = open_text(tmp_path, 'name\n"' + "x" * 200_000)
    with pytest.raises(InputError, match="line 2: expected CSV"):
        list(table.rows())


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_separator_is_found_in_the_header(tmp_path: Path, separator: str, name: str) -> None:
    rows = [["artist", "title", "year"], ["A, B", "C", "1999"]]
    table = open_text(tmp_path, "\r\n".join(separator.join(row) for row in rows))
    assert table.columns == {"artist": 0, "title": 1, "year": 2}
    assert cells(table) == rows[1:]
    assert table.notes == [f"{tmp_path / 't.csv'}: cells separated by {name}"]


def test_other_characters_in_a_name_are_no_separators(tmp_path: Path) -> None:
    table = open_text(tmp_path, "artist,title,a;b;c;d;e|f\nA;B,C|D,E\n")
    assert cells(table) == [["A;B", "C|D", "E"]]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "sep=;\r"])
def test_separator_line_of_excel_is_obeyed(tmp_path: Path, first: str) -> None:
    table = open_text(tmp_path, f"{first}\nartist;title\nA;B\n")
    assert table.header == ["artist", "title"]
    assert list(table.rows()) == [(3, ["A", "B"])]


def test_spaces_after_separators_are_no_part_of_names(tmp_path: Path) -> None:
    table = open_text(tmp_path, 'artist, title, year\nA, "Now, then", 1999\n')
    assert table.header == ["artist", "title", "year"]
    assert cells(table) == [["A", "Now, then", "1999"]]


def test_empty_columns_and_rows_at_the_end_are_passed_over(tmp_path: Path) -> None:
    table = open_text(tmp_path, "artist,title,,\nA,B,,\nC,D\n,,,\nE,F,,,,\n,,,\n,,\n")
    assert cells(table) == [
        ["A", "B", "", ""],
        ["C", "D", "", ""],
        ["", "", "", ""],
        ["E", "F", "", ""],
    ]


def test_row_of_another_width_is_left_as_it_is(tmp_path: Path) -> None:
    table = open_text(tmp_path, "artist,title\nA\nA,B,C\n")
    assert cells(table) == [["A"], ["A", "B", "C"]]
    with pytest.raises(InputError, match="expected 2 cells, received 3"):
        table.check_width(["A", "B", "C"])
