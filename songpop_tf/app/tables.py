"""A table of songs: predicted while its progress is told."""

import csv
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pipelines.errors import InputError
from songpop_tf.app.charts import table_histogram
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.field_values import AUDIO_COLUMN, SPECTROGRAM_COLUMN
from songpop_tf.serving.predict_csv import count_rows, open_songs, predict_csv
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.schema import OUTPUTS

SHOWN_ROWS, SHOWN_ERRORS = 2000, 20


class _StoppedError(Exception):
    """Nobody reads the progress any more."""


def predict_table(backend: Backend, path: Path) -> Iterator[dict[str, Any]]:
    """Predict the songs of a CSV file.

    Args:
        backend: the model.
        path: the CSV file; the output is written beside it.

    Yields:
        ``{"done": rows, "total": rows}`` after each batch. At the end ``header`` and ``rows``
        (`SHOWN_ROWS` at most) of the predicted table, ``total`` (its rows), ``histogram`` (HTML),
        ``csv`` (the whole file as a text), ``failed`` (a number), ``errors`` (`SHOWN_ERRORS`
        sentences at most) and ``notes``.

    Raises:
        InputError: the table cannot be read or names files, or the model stops responding.
    """
    table = open_songs(path)
    if files := {AUDIO_COLUMN, SPECTROGRAM_COLUMN}.intersection(table.columns):
        # The page takes no paths: they would be read on this machine for whoever opens the page.
        raise InputError(
            f"{path}: expected a table of artist, title and year, received the column "
            f"{min(files)}; `songpop-tf predict --csv` reads files that a table names"
        )
    total, done = count_rows(table), 0
    events: SimpleQueue[int | None] = SimpleQueue()
    stopped = threading.Event()
    errors: list[str] = []

    def progress(rows: int) -> None:
        if stopped.is_set():
            raise _StoppedError
        events.put(rows)

    target = path.with_name(f"predicted-{path.name}")
    with ThreadPoolExecutor(1) as pool:
        predicted = pool.submit(
            predict_csv, Predictor(backend), table, target, progress, errors.append
        )
        predicted.add_done_callback(lambda _: events.put(None))
        try:
            while (rows := events.get()) is not None:
                done += rows
                yield {"done": done, "total": total}
        finally:
            stopped.set()
    yield _result(target, predicted.result(), errors, table.notes)


def _result(target: Path, failed: int, errors: list[str], notes: list[str]) -> dict[str, Any]:
    with target.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    column = header.index(OUTPUTS[0])
    popularity = [float(row[column]) for row in rows if row[column]]
    return {
        "header": header,
        "rows": rows[:SHOWN_ROWS],
        "total": len(rows),
        "histogram": table_histogram(popularity),
        "csv": target.read_text("utf-8"),
        "failed": failed,
        "errors": errors[:SHOWN_ERRORS],
        "notes": notes,
    }
