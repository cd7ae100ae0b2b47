"""Predict every row of a CSV file in constant memory."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import StrPath, linked_file, read_json, write_json
from pipelines.locks import locked_file
from pipelines.streams import copy_to_stream, is_stream
from pipelines.tables.cells import is_missing, parse_year
from pipelines.tables.columns import ARTIST_NAMES, DATE_NAMES, TITLE_NAMES, list_names
from pipelines.tables.csv_reader import Row, Table, open_table
from pipelines.worker_pool import available_cores
from songpop_tf.serving.field_values import (
    AUDIO_COLUMN,
    REQUIRED_COLUMNS,
    SPECTROGRAM_COLUMN,
    clean_names,
)
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.schema import OUTPUTS
from songpop_tf.serving.song import Song

_BATCH_ROWS, _AUDIO_ROWS_PER_PROCESS = 256, 8
"""Rows between checkpoints: drawing the spectrogram of a sound file takes seconds."""
_SYNONYMS = {
    "artist": ARTIST_NAMES,
    "title": TITLE_NAMES,
    "year": DATE_NAMES,
    SPECTROGRAM_COLUMN: (),
    AUDIO_COLUMN: (),
}


@dataclass
class _Checkpoint:
    """Progress of an interrupted call, stored beside the partial output.

    Attributes:
        source, model: fingerprint of the CSV file, and identity of the model.
        rows, failed: rows written, and those of them without a popularity.
        size: bytes written.
    """

    source: str
    model: str
    rows: int = 0
    failed: int = 0
    size: int = 0


def open_songs(path: Path) -> Table:
    """Open a table of songs to predict.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a column popularity already.
    """
    table = open_table(path, _SYNONYMS)
    _check_columns(table)
    return table


def predict_csv(
    predictor: Predictor,
    source: Table,
    target: StrPath,
    on_progress: Callable[[int], None],
    on_error: Callable[[str], None],
    processes: int | None = 1,
) -> int:
    """Copy a CSV file and add the columns popularity, popularity_low and popularity_high.

    An interrupted call resumes when it is repeated with the same arguments.

    Args:
        source: from `open_songs`, with the columns artist, title, year and optionally spectrogram
            or audio (paths, relative to the CSV's folder); cells may be empty. Other columns are
            copied.
        target: appears when it is complete; a link, device or pipe is written through. Rows that
            cannot be predicted keep their position, without a popularity.
        on_progress: called with the number of rows after each batch.
        on_error: called with a line of text for each row that cannot be predicted: its line number
            and the reason.
        processes: as in `Predictor.predict_songs`.

    Returns:
        The number of rows that could not be predicted.

    Raises:
        InputError: the file cannot be read, the model stops responding, or another process writes
            the same target.
    """
    target, processes = Path(target), processes or available_cores()
    if is_stream(target):
        # There is no place for a partial output beside it.
        with TemporaryDirectory() as folder:
            complete = Path(folder) / "predicted.csv"
            failed = _predict_to_file(predictor, source, complete, on_progress, on_error, processes)
            copy_to_stream(complete, target)
        return failed
    with locked_file(target):
        return _predict_to_file(
            predictor, source, linked_file(target), on_progress, on_error, processes
        )


def _predict_to_file(
    predictor: Predictor,
    source: Table,
    target: Path,
    on_progress: Callable[[int], None],
    on_error: Callable[[str], None],
    processes: int,
) -> int:
    if target.is_dir() or (target.exists() and target.samefile(source.path)):
        raise InputError(f"{target}: expected an output file other than {source.path}")
    rows = source.rows()
    has_audio = AUDIO_COLUMN in source.columns
    batch_rows = _AUDIO_ROWS_PER_PROCESS * processes if has_audio else _BATCH_ROWS
    partial = target.with_name(f".{target.name}.partial")
    checkpoint_path = target.with_name(f".{target.name}.partial.json")
    checkpoint = _load_checkpoint(
        checkpoint_path, partial, source.content.fingerprint(), predictor.identity
    )
    on_progress(checkpoint.rows)
    with partial.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not checkpoint.rows:
            writer.writerow([*source.header, *OUTPUTS])
        for batch in _batches(islice(rows, checkpoint.rows, None), batch_rows):
            added, errors = _predict_rows(predictor, source, batch, processes)
            for (_, cells), outputs in zip(batch, added, strict=True):
                writer.writerow([*_pad(cells, len(source.header)), *outputs])
            for line, reason in errors:
                on_error(f"{source.path} line {line}: {reason}")
            file.flush()
            os.fsync(file.fileno())
            checkpoint.rows += len(batch)
            checkpoint.failed += len(errors)
            checkpoint.size = file.tell()
            write_json(checkpoint_path, asdict(checkpoint))
            on_progress(len(batch))
    partial.replace(target)
    checkpoint_path.unlink(missing_ok=True)
    return checkpoint.failed


def count_rows(source: Table) -> int:
    """Data rows of a table."""
    return sum(1 for _ in source.rows())


def _load_checkpoint(path: Path, partial: Path, source: str, model: str) -> _Checkpoint:
    """Load the checkpoint of the same CSV file and model, or start a new one.

    Truncates the partial output to the rows that the checkpoint covers.
    """
    checkpoint = _Checkpoint(source, model)
    if path.is_file() and partial.is_file():
        with reading(path, "the progress of an interrupted prediction (delete it to start again)"):
            stored = _Checkpoint(**read_json(path))
        if (stored.source, stored.model) == (source, model):
            checkpoint = stored
    partial.touch()
    os.truncate(partial, checkpoint.size)
    return checkpoint


def _batches(rows: Iterator[Row], batch_rows: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, batch_rows)):
        yield batch


def _check_columns(table: Table) -> None:
    names = [name for name in table.header if name]
    received = list_names(names)
    missing = [name for name in REQUIRED_COLUMNS if name not in table.columns]
    conflicting = [name for name in OUTPUTS if name in names]
    if missing or conflicting:
        problem = (
            f"missing: {', '.join(missing)}"
            if missing
            else f"the output's own: {', '.join(conflicting)}"
        )
        raise InputError(
            f"{table.path}: expected the columns {', '.join(REQUIRED_COLUMNS)}, optionally "
            f"{SPECTROGRAM_COLUMN} or {AUDIO_COLUMN}, and no {', '.join(OUTPUTS)}; {problem}; "
            f"received {received}"
        )
    if len(set(names)) < len(names):
        raise InputError(f"{table.path}: expected columns of different names, received {received}")


def _predict_rows(
    predictor: Predictor, table: Table, rows: Sequence[Row], processes: int
) -> tuple[list[tuple[str, ...]], list[tuple[int, str]]]:
    """Predict a batch of rows.

    Returns:
        The cells to add to each row, empty for a row that cannot be predicted; and line and reason
        of each such row.
    """
    songs: dict[int, Song] = {}
    errors = []
    for index, (line, cells) in enumerate(rows):
        try:
            song = _parse_song(table, cells)
            predictor.check(song)
            songs[index] = song
        except InputError as error:
            errors.append((line, str(error)))
    added = [("",) * len(OUTPUTS)] * len(rows)
    predictions = predictor.predict_songs(list(songs.values()), processes)
    for index, prediction in zip(songs, predictions, strict=True):
        if isinstance(prediction, InputError):
            errors.append((rows[index][0], str(prediction)))
        else:
            added[index] = tuple(f"{value:.2f}" for value in prediction)
    return added, sorted(errors)


def _parse_song(table: Table, cells: Sequence[str]) -> Song:
    table.check_width(cells)
    row = {name: cells[position].strip() for name, position in table.columns.items()}
    artist, title = clean_names(row["artist"], row["title"])
    return Song(
        artist=artist,
        title=title,
        year=_parse_year(row["year"]),
        spectrogram=_parse_path(table, row.get(SPECTROGRAM_COLUMN, "")),
        audio=_parse_path(table, row.get(AUDIO_COLUMN, "")),
    )


def _parse_path(table: Table, text: str) -> Path | None:
    return None if is_missing(text) else table.folder / text


def _parse_year(text: str) -> int:
    if is_missing(text):
        return UNKNOWN_YEAR
    try:
        year = parse_year(text)
    except InputError:
        raise InputError(f"expected a year or an empty cell, received {text[:40]!r}") from None
    if year == UNKNOWN_YEAR:
        raise InputError(f"expected a year or an empty cell, received {text!r}")
    return year


def _pad(cells: list[str], count: int) -> list[str]:
    """Pad or truncate to ``count`` cells, so that the outputs are in their own columns."""
    return [*cells, *[""] * count][:count]
