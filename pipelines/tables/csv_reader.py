"""Read the rows of a CSV file with their line numbers."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import InputError


def numbered_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a CSV file that are not blank.

    Args:
        path: CSV in UTF-8, with or without a byte order mark; the header is a row like any other.

    Yields:
        The line number on which the row starts (1 = first), and its cells.

    Raises:
        InputError: the file cannot be read, is not UTF-8 or is not CSV.
    """
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except OSError as error:
        raise InputError(f"{path}: expected a CSV file, received: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected UTF-8, received: {error.reason} after line {line}"
        ) from error
    except csv.Error as error:
        raise InputError(f"{path} line {line}: expected CSV, received: {error}") from error
