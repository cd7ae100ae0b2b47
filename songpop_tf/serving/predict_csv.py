"""Predict every row of a CSV file in constant memory."""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from pipelines.errors import InputError
from pipelines.files import write_atomically
from pipelines.metadata import UNKNOWN_YEAR
from songpop_tf.serving.predict import Predictor, Song, spectrogram_problem

REQUIRED = ("artist", "title", "year")
SPECTROGRAM = "spectrogram"
POPULARITY = "popularity"
_ROWS_AT_ONCE = 256

Row = dict[str, str]


def predict_csv(
    predictor: Predictor, source: Path, target: Path, done: Callable[[int], None]
) -> list[str]:
    """Copy a CSV file and add the column ``popularity``.

    Args:
        source: CSV with the columns artist, title, year and maybe spectrogram (a path, relative to
            the CSV's folder); any of a row's cells may be empty. Other columns are kept.
        target: written atomically. Rows that cannot be predicted keep their place, without a
            popularity.
        done: called with the number of rows so far.

    Returns:
        One line for each row that could not be predicted: the line of the file and why.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds a popularity already.
    """
    problems: list[str] = []
    with _open(source) as read, write_atomically(target) as temporary:
        reader = csv.DictReader(read)
        columns = _checked_columns(source, reader.fieldnames or [])
        with temporary.open("w", newline="", encoding="utf-8") as write:
            writer = csv.DictWriter(write, [*columns, POPULARITY])
            writer.writeheader()
            for rows in _chunks(reader):
                problems += _predict_rows(predictor, source, rows)
                writer.writerows(row for _, row in rows)
                done(rows[-1][0] - 1)
    return problems


def count_rows(source: Path) -> int:
    """Data rows of a CSV file."""
    with _open(source) as read:
        return max(0, sum(1 for _ in csv.reader(read)) - 1)


def _open(source: Path) -> TextIO:
    try:
        return source.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{source}: expected a CSV file, received: {error.strerror}") from None


def _checked_columns(source: Path, columns: Sequence[str]) -> list[str]:
    missing = [name for name in REQUIRED if name not in columns]
    if missing or POPULARITY in columns:
        raise InputError(
            f"{source}: expected the columns {', '.join(REQUIRED)}, maybe {SPECTROGRAM}, and no "
            f"{POPULARITY}; received {', '.join(columns) or 'none'}"
        )
    return list(columns)


def _chunks(reader: "csv.DictReader[str]") -> Iterator[list[tuple[int, Row]]]:
    numbered = enumerate(reader, start=2)  # the header is line 1
    while rows := list(islice(numbered, _ROWS_AT_ONCE)):
        yield rows


def _predict_rows(predictor: Predictor, source: Path, rows: list[tuple[int, Row]]) -> list[str]:
    """Fill in the popularity of each row that can be predicted; say why of the others."""
    problems, usable = [], []
    for line, row in rows:
        row[POPULARITY] = ""
        try:
            song = _song(row, source.parent)
            problem = spectrogram_problem(song)
        except InputError as error:
            problem = str(error)
        if problem:
            problems.append(f"{source} line {line}: {problem}")
        else:
            usable.append((row, song))
    popularity = predictor.predict([song for _, song in usable])
    for (row, _), value in zip(usable, popularity, strict=True):
        row[POPULARITY] = f"{value:.2f}"
    return problems


def _song(row: Row, folder: Path) -> Song:
    if None in row or None in row.values():
        raise InputError(f"expected {len(row)} cells, received another number")
    spectrogram = row.get(SPECTROGRAM, "").strip()
    return Song(
        artist=row["artist"].strip(),
        title=row["title"].strip(),
        year=_year(row["year"].strip()),
        spectrogram=folder / spectrogram if spectrogram else None,
    )


def _year(text: str) -> int:
    if not text:
        return UNKNOWN_YEAR
    try:
        year = float(text)  # spreadsheets write 1977.0
    except ValueError:
        year = math.nan
    if not year.is_integer() or year == UNKNOWN_YEAR:
        raise InputError(f"expected a year or an empty cell, received {text!r}")
    return int(year)
