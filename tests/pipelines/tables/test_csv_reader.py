"""Reading CSV rows with line numbers."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.tables.csv_reader import numbered_rows


def test_rows_have_the_line_on_which_they_start(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes('\ufeffname\n"two\nlines"\n\nlast\n'.encode())
    rows = list(numbered_rows(tmp_path / "t.csv"))
    assert rows == [(1, ["name"]), (2, ["two\nlines"]), (5, ["last"])]


def test_missing_file_raises_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.csv: expected a CSV file.*No such file"):
        list(numbered_rows(tmp_path / "missing.csv"))


def test_other_encoding_raises_input_error(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"name\n" + "Beyoncé".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        list(numbered_rows(tmp_path / "latin.csv"))


def test_unclosed_quote_raises_input_error_with_line(tmp_path: Path) -> None:
    (tmp_path / "open.csv").write_text('name\n"' + "x" * 200_000, encoding="utf-8")
    with pytest.raises(InputError, match="line 2: expected CSV"):
        list(numbered_rows(tmp_path / "open.csv"))
