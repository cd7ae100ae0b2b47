"""Predict every row of a CSV file in constant memory."""

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.io import StrPath, file_fingerprint, linked_file, read_json, write_json
from pipelines.locks import locked_file
from pipelines.streams import copy_to_stream, is_stream
from pipelines.tables.csv_reader import numbered_rows
from songpop_tf.serving.predictor import Predictor, Song
from songpop_tf.serving.schema import OUTPUTS

REQUIRED_COLUMNS = ("artist", "title", "year")
SPECTROGRAM_COLUMN, AUDIO_COLUMN = "spectrogram", "audio"
_BATCH_ROWS, _AUDIO_BATCH_ROWS = 256, 8
"""Rows between checkpoints: decoding a song takes seconds."""

Row = tuple[int, list[str]]
"""The line on which a row starts, and its cells."""


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


def predict_csv(
    predictor: Predictor,
    source: StrPath,
    target: StrPath,
    on_progress: Callable[[int], None],
    on_error: Callable[[str], None],
) -> int:
    """Copy a CSV file and add the columns popularity, popularity_low and popularity_high.

    An interrupted call resumes when it is repeated with the same arguments.

    Args:
        source: CSV with the columns artist, title, year and optionally spectrogram or audio
            (paths, relative to the CSV's folder); cells may be empty. Other columns are copied.
        target: appears when it is complete; a link, device or pipe is written through. Rows that
            cannot be predicted keep their position, without a popularity.
        on_progress: called with the number of rows after each batch.
        on_error: called with a line of text for each row that cannot be predicted: its line number
            and the reason.

    Returns:
        The number of rows that could not be predicted.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a column popularity already; the
            model stops responding; or another process writes the same target.
    """
    source, target = Path(source), Path(target)
    if is_stream(target):
        # There is no place for a partial output beside it.
        with TemporaryDirectory() as folder:
            complete = Path(folder) / "predicted.csv"
            failed = _predict_to_file(predictor, source, complete, on_progress, on_error)
            copy_to_stream(complete, target)
        return failed
    with locked_file(target):
        return _predict_to_file(predictor, source, linked_file(target), on_progress, on_error)


def _predict_to_file(
    predictor: Predictor,
    source: Path,
    target: Path,
    on_progress: Callable[[int], None],
    on_error: Callable[[str], None],
) -> int:
    if target.is_dir() or (target.exists() and target.samefile(source)):
        raise InputError(f"{target}: expected an output file other than {source}")
    rows = numbered_rows(source)
    _, columns = next(rows, (1, []))
    _check_columns(source, columns)
    batch_rows = _AUDIO_BATCH_ROWS if AUDIO_COLUMN in columns else _BATCH_ROWS
    partial = target.with_name(f".{target.name}.partial")
    checkpoint_path = target.with_name(f".{target.name}.partial.json")
    checkpoint = _load_checkpoint(
        checkpoint_path, partial, file_fingerprint(source), predictor.identity
    )
    on_progress(checkpoint.rows)
    with partial.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not checkpoint.rows:
            writer.writerow([*columns, *OUTPUTS])
        for batch in _batches(islice(rows, checkpoint.rows, None), batch_rows):
            added, errors = _predict_rows(predictor, columns, batch, source.parent)
            for (_, cells), outputs in zip(batch, added, strict=True):
                writer.writerow([*_pad(cells, len(columns)), *outputs])
            for line, reason in errors:
                on_error(f"{source} line {line}: {reason}")
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


def count_rows(source: Path) -> int:
    """Data rows of a CSV file."""
    return max(0, sum(1 for _ in numbered_rows(source)) - 1)


def _load_checkpoint(path: Path, partial: Path, source: str, model: str) -> _Checkpoint:
    """Load the checkpoint of the same CSV file and model, or start a new one.

    Truncates the partial output to the rows that the checkpoint covers.
    """
    checkpoint = _Checkpoint(source, model)
    if path.is_file() and partial.is_file():
        stored = _Checkpoint(**read_json(path))
        if (stored.source, stored.model) == (source, model):
            checkpoint = stored
    partial.touch()
    os.truncate(partial, checkpoint.size)
    return checkpoint


def _batches(rows: Iterator[Row], batch_rows: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, batch_rows)):
        yield batch


def _check_columns(source: Path, columns: Sequence[str]) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    conflicting = [name for name in OUTPUTS if name in columns]
    if missing or conflicting:
        raise InputError(
            f"{source}: expected the columns {', '.join(REQUIRED_COLUMNS)}, optionally "
            f"{SPECTROGRAM_COLUMN} or {AUDIO_COLUMN}, and no {', '.join(OUTPUTS)}; received "
            f"{', '.join(columns) or 'none'}"
        )
    if len(set(columns)) < len(columns):
        raise InputError(f"{source}: expected columns of different names, received {columns}")


def _predict_rows(
    predictor: Predictor, columns: Sequence[str], rows: Sequence[Row], folder: Path
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
            song = _parse_song(columns, cells, folder)
            predictor.check(song)
            songs[index] = song
        except InputError as error:
            errors.append((line, str(error)))
    added = [("",) * len(OUTPUTS)] * len(rows)
    for index, prediction in zip(songs, predictor.predict(list(songs.values())), strict=True):
        if isinstance(prediction, InputError):
            errors.append((rows[index][0], str(prediction)))
        else:
            added[index] = tuple(f"{value:.2f}" for value in prediction)
    return added, sorted(errors)


def _parse_song(columns: Sequence[str], cells: Sequence[str], folder: Path) -> Song:
    if len(cells) != len(columns):
        raise InputError(f"expected {len(columns)} cells, received {len(cells)}")
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    spectrogram, audio = row.get(SPECTROGRAM_COLUMN, ""), row.get(AUDIO_COLUMN, "")
    return Song(
        artist=row["artist"],
        title=row["title"],
        year=_parse_year(row["year"]),
        spectrogram=folder / spectrogram if spectrogram else None,
        audio=folder / audio if audio else None,
    )


def _parse_year(text: str) -> int:
    if not text:
        return UNKNOWN_YEAR
    try:
        year = float(text)  # spreadsheets write 1977.0
    except ValueError:
        year = math.nan
    if not year.is_integer() or year == UNKNOWN_YEAR:
        raise InputError(f"expected a year or an empty cell, received {text!r}")
    return int(year)


def _pad(cells: list[str], count: int) -> list[str]:
    """Pad or truncate to ``count`` cells, so that the outputs are in their own columns."""
    return [*cells, *[""] * count][:count]
