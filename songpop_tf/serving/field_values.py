"""The fields of a song as Python programs hold them: strings, paths, NumPy scalars, table cells."""

import math
import os
from collections.abc import Iterator
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.tables.artists import parse_artists
from pipelines.tables.cells import are_missing_names, clean_name, parse_year

if TYPE_CHECKING:
    import pandas as pd

REQUIRED_COLUMNS = ("artist", "title", "year")
SPECTROGRAM_COLUMN, AUDIO_COLUMN = "spectrogram", "audio"

FieldValues = dict[str, Any]
"""The arguments of `songpop_tf.serving.song.Song`."""


def field_values(
    artist: Any = None,
    title: Any = None,
    year: Any = None,
    spectrogram: Any = None,
    audio: Any = None,
) -> FieldValues:
    """Convert the fields of a song; None and NaN are unknown.

    Raises:
        InputError: a value has another type; the message names the argument.
    """
    artist, title = clean_names(_to_text("artist", artist), _to_text("title", title))
    return {
        "artist": artist,
        "title": title,
        "year": _to_year(year),
        SPECTROGRAM_COLUMN: _to_path(SPECTROGRAM_COLUMN, spectrogram),
        AUDIO_COLUMN: _to_path(AUDIO_COLUMN, audio),
    }


def clean_names(artist: str, title: str) -> tuple[str, str]:
    """Artist and title as the training data name them: several artists are joined by commas."""
    artist = ", ".join(parse_artists(artist)) if clean_name(artist) else ""
    title = clean_name(title)
    return ("", "") if are_missing_names(artist, title) else (artist, title)


def rows_of(table: "pd.DataFrame") -> Iterator[tuple[Any, FieldValues]]:
    """The index label and the fields of each row.

    Args:
        table: columns artist, title, year, and optionally spectrogram or audio (paths); others are
            ignored.

    Raises:
        InputError: it is no table, or lacks a column.
    """
    columns = getattr(table, "columns", None)
    if columns is None:
        raise InputError(f"table: expected a pandas.DataFrame, received {type(table).__name__}")
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"table: expected the columns {', '.join(REQUIRED_COLUMNS)}, optionally "
            f"{SPECTROGRAM_COLUMN} or {AUDIO_COLUMN}; missing: {', '.join(missing)}; received "
            f"{', '.join(map(str, columns)) or 'none'}"
        )
    known = [
        name for name in (*REQUIRED_COLUMNS, SPECTROGRAM_COLUMN, AUDIO_COLUMN) if name in columns
    ]
    cells = table[known].astype(object)
    cells = cells.where(cells.notna(), None)
    for label, row in zip(table.index, cells.itertuples(index=False, name=None), strict=True):
        yield label, dict(zip(known, row, strict=True))


def _to_text(name: str, value: Any) -> str:
    if _is_unknown(value):
        return ""
    if not isinstance(value, str):
        raise InputError(f"{name}: expected text, received {value!r}")
    return str(value)


def _to_year(value: Any) -> int:
    if _is_unknown(value):
        return UNKNOWN_YEAR
    if isinstance(value, str):
        try:
            return parse_year(value)
        except InputError as error:
            raise InputError(f"year: {error}") from None
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not (isinstance(value, Integral) or float(value).is_integer()):
        raise InputError(f"year: expected a whole number, received {value!r}")
    return int(value)


def _to_path(name: str, value: Any) -> Path | None:
    if _is_unknown(value) or (isinstance(value, str) and not value):
        return None
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name}: expected the path of a file, received {type(value).__name__}")
    return Path(value)


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, Real) and math.isnan(value))
