"""The one reading of tables: prepare, predict and sample open their files here."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipelines.errors import InputError
from pipelines.tables.columns import Synonyms, find_columns, renaming_note
from pipelines.tables.content import TableContent, load_content

Row = tuple[int, list[str]]
"""The line on which a row starts (1 = first of the file), and its cells."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NO_SEPARATOR = "\x1f"
# Excel's own first line, by which it tells itself the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')


@dataclass(frozen=True)
class Table:
    """A CSV file whose rows can be read several times.

    Attributes:
        content: the file's text.
        separator: between the cells.
        header: names of all columns as in the file, without surrounding spaces; spreadsheets leave
            empty ones at the end.
        columns: position of each known column that the file has.
        header_line: on which the header starts.
        has_spaces: whether spaces follow the separators.
    """

    content: TableContent
    separator: str
    header: list[str]
    columns: dict[str, int]
    header_line: int
    has_spaces: bool

    @property
    def path(self) -> Path:
        """The file, as it was given."""
        return self.content.path

    @property
    def folder(self) -> Path:
        """What paths in the table are relative to: its folder, or for a pipe the current one."""
        return self.path.parent if self.path.is_file() else Path()

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma within a cell may be a decimal point."""
        return self.separator != ","

    @property
    def notes(self) -> list[str]:
        """What was assumed to read the file, each in one line that names it."""
        notes = list(self.content.notes)
        if self.separator != ",":
            notes.append(f"cells separated by {_SEPARATORS.get(self.separator, self.separator)}")
        if renamed := renaming_note(self.header, self.columns):
            notes.append(renamed)
        return [f"{self.path}: {note}" for note in notes]

    def rows(self) -> Iterator[Row]:
        """Read the rows below the header that are not blank.

        Rows of empty cells at the end of the file, and empty cells right of the header, are what
        spreadsheets leave behind, and are not read.

        Raises:
            InputError: the file is not CSV.
        """
        empty: list[Row] = []
        for line, cells in _records(self.content, self.separator, self.has_spaces):
            if line <= self.header_line:
                continue
            row = line, self._fit(cells)
            if not any(map(str.strip, cells)):
                empty.append(row)
                continue
            yield from empty
            empty.clear()
            yield row

    @cached_property
    def _named(self) -> int:
        """Number of columns up to the last one that has a name."""
        return max((i + 1 for i, name in enumerate(self.header) if name), default=0)

    def _fit(self, cells: list[str]) -> list[str]:
        """Add or remove empty cells at the end of a row that belong to no named column."""
        width = len(self.header)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        return cells + [""] * (width - len(cells)) if len(cells) >= self._named else cells

    def check_width(self, cells: Sequence[str]) -> None:
        """Raise an `InputError` unless a row has as many cells as the header."""
        if len(cells) != len(self.header):
            raise InputError(f"expected {len(self.header)} cells, received {len(cells)}")


def open_table(path: Path, synonyms: Synonyms) -> Table:
    """Find out how a table is written: compression, encoding, separator and names of columns.

    Args:
        path: a CSV file or a pipe, separated by commas, semicolons, tabs or vertical bars; it may
            be compressed.
        synonyms: of the columns that the caller knows.

    Raises:
        InputError: the file cannot be read, is not CSV, or has two columns of the same known name.
    """
    content = load_content(path)
    first, first_cells = next(_records(content, _NO_SEPARATOR, has_spaces=False), (1, [""]))
    said = _SEPARATOR_LINE.fullmatch("".join(first_cells).strip())
    tables = []
    for separator in [said[1]] if said else _SEPARATORS:
        records = _records(content, separator, has_spaces=False)
        line, cells = next((row for row in records if not said or row[0] > first), (first, []))
        header = [name.strip() for name in cells]
        columns = find_columns(path, header, synonyms)
        has_spaces = any(name[:1] == " " for name in cells[1:])
        tables.append(Table(content, separator, header, columns, line, has_spaces))
    # The first of equals: commas.
    return max(tables, key=lambda table: (len(table.columns), len(table.header)))


def _records(content: TableContent, separator: str, has_spaces: bool) -> Iterator[Row]:
    """Read all rows but blank lines, the header among them.

    Raises:
        InputError: the file cannot be read, is not in its encoding or is not CSV.
    """
    line = 1
    try:
        with content.open() as stream:
            # With spaces after the separators, a quotation mark follows the space.
            reader = csv.reader(stream, delimiter=separator, skipinitialspace=has_spaces)
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except OSError as error:
        raise InputError(
            f"{content.path}: expected a CSV file, received: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{content.path}: expected {content.encoding.upper()}, received: {error.reason} after "
            f"line {line}"
        ) from error
    except csv.Error as error:
        raise InputError(f"{content.path} line {line}: expected CSV, received: {error}") from error
