"""Predict every row of a CSV file in constant memory."""

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from pipelines.csv_rows import numbered_rows
from pipelines.errors import InputError
from pipelines.files import file_fingerprint, read_json, write_json
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.serving.names import OUTPUTS
from songpop_tf.serving.predict import Predictor, Song

REQUIRED = ("artist", "title", "year")
SPECTROGRAM = "spectrogram"
_ROWS_AT_ONCE = 256

Row = tuple[int, list[str]]
"""The line on which a row starts, and its cells."""


@dataclass
class _State:
    """How far an interrupted call came, stored beside what it wrote.

    Attributes:
        source, model: what was being predicted, and by what.
        rows, failed: rows written, and those of them without a popularity.
        size: bytes written.
    """

    source: str
    model: str
    rows: int = 0
    failed: int = 0
    size: int = 0


def predict_csv(
    predictor: Predictor,
    source: Path,
    target: Path,
    done: Callable[[int], None],
    failed: Callable[[str], None],
) -> int:
    """Copy a CSV file and add the columns popularity, popularity_low and popularity_high.

    An interrupted call goes on where it stopped when it is made again with the same arguments.

    Args:
        source: CSV with the columns artist, title, year and maybe spectrogram (a path, relative to
            the CSV's folder); any of a row's cells may be empty. Other columns are kept.
        target: appears when it is complete. Rows that cannot be predicted keep their place, without
            a popularity.
        done: called with the number of rows after each batch of them.
        failed: called for each row that could not be predicted with a line of text: the line of the
            file and why.

    Returns:
        The number of rows that could not be predicted.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds a popularity already; or the
            model answers no more.
    """
    if target.is_dir() or (target.exists() and target.samefile(source)):
        raise InputError(f"{target}: expected a file other than {source} to write to")
    rows = numbered_rows(source)
    _, columns = next(rows, (1, []))
    _check_columns(source, columns)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    state_path = target.with_name(f".{target.name}.partial.json")
    state = _state_of(partial, state_path, file_fingerprint(source), predictor.identity)
    done(state.rows)
    with partial.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not state.rows:
            writer.writerow([*columns, *OUTPUTS])
        for batch in _batches(islice(rows, state.rows, None)):
            added, problems = _predict_rows(predictor, columns, batch, source.parent)
            for (_, cells), value in zip(batch, added, strict=True):
                writer.writerow([*_fitted(cells, len(columns)), *value])
            for line, reason in problems:
                failed(f"{source} line {line}: {reason}")
            file.flush()
            os.fsync(file.fileno())
            state.rows += len(batch)
            state.failed += len(problems)
            state.size = file.tell()
            write_json(state_path, asdict(state))
            done(len(batch))
    partial.replace(target)
    state_path.unlink(missing_ok=True)
    return state.failed


def _state_of(partial: Path, state_path: Path, source: str, model: str) -> _State:
    """Where to go on; what was written after that, or for other songs or models, is cut off."""
    state = _State(source, model)
    if state_path.is_file() and partial.is_file():
        stored = _State(**read_json(state_path))
        if (stored.source, stored.model) == (source, model):
            state = stored
    partial.touch()
    os.truncate(partial, state.size)
    return state


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield batch


def count_rows(source: Path) -> int:
    """Data rows of a CSV file."""
    return max(0, sum(1 for _ in numbered_rows(source)) - 1)


def _check_columns(source: Path, columns: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    taken = [name for name in OUTPUTS if name in columns]
    if missing or taken:
        raise InputError(
            f"{source}: expected the columns {', '.join(REQUIRED)}, maybe {SPECTROGRAM}, and no "
            f"{', '.join(OUTPUTS)}; received {', '.join(columns) or 'none'}"
        )
    if len(set(columns)) < len(columns):
        raise InputError(f"{source}: expected columns of different names, received {columns}")


def _predict_rows(
    predictor: Predictor, columns: Sequence[str], rows: Sequence[Row], folder: Path
) -> tuple[list[tuple[str, ...]], list[tuple[int, str]]]:
    """The cells to add to each row, empty where there is none; and line and reason of those."""
    songs: dict[int, Song] = {}
    failed = []
    for place, (line, cells) in enumerate(rows):
        try:
            song = _song(columns, cells, folder)
            predictor.check(song)
            songs[place] = song
        except InputError as error:
            failed.append((line, str(error)))
    added = [("",) * len(OUTPUTS)] * len(rows)
    for place, found in zip(songs, predictor.predict(list(songs.values())), strict=True):
        if isinstance(found, InputError):
            failed.append((rows[place][0], str(found)))
        else:
            added[place] = tuple(f"{number:.2f}" for number in found)
    return added, sorted(failed)


def _song(columns: Sequence[str], cells: Sequence[str], folder: Path) -> Song:
    if len(cells) != len(columns):
        raise InputError(f"expected {len(columns)} cells, received {len(cells)}")
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    spectrogram = row.get(SPECTROGRAM, "")
    return Song(
        artist=row["artist"],
        title=row["title"],
        year=_year(row["year"]),
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


def _fitted(cells: list[str], count: int) -> list[str]:
    """Exactly ``count`` cells, so that the popularity stands in its own column."""
    return [*cells, *[""] * count][:count]
