"""Check what TensorFlow Serving responds; shared by the REST and the gRPC client."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.errors import InputError
from songpop_tf.serving.backend import Rows, rows_from_lists
from songpop_tf.serving.schema import (
    FALLBACKS,
    METADATA_ONLY,
    USABLE,
    WITH_SPECTROGRAM,
    output_names,
)


def branches_from_signatures(url: str, signatures: Mapping[str, Sequence[str]]) -> list[str]:
    """Derive the branches of a served model from the inputs of its signatures.

    Args:
        url: of the model, for error messages.
        signatures: the names of the inputs of each signature.

    Raises:
        InputError: the model was not written by `songpop-tf export`.
    """
    inputs = signatures.get(WITH_SPECTROGRAM, ())
    if METADATA_ONLY not in signatures or not {"artist", "title", "year"} <= set(inputs):
        raise InputError(
            f"{url}: expected a model of `songpop-tf export`, received one with the signatures "
            f"{', '.join(signatures) or 'none'}"
        )
    return list(FALLBACKS) if "spectrogram_png" in inputs else ["text"]


def rows_from_columns(url: str, signature: str, columns: Mapping[str, Any], count: int) -> Rows:
    """Convert the output columns of a response to one row for each song.

    Args:
        url: of the model, for error messages.
        signature: that was called.
        columns: by output name, as received.
        count: number of songs in the request.

    Raises:
        InputError: a column is missing, or does not consist of ``count`` finite numbers; or of
            true and false, in the case of ``usable``.
    """
    names = output_names(signature)
    for name in names:
        if name != USABLE and not _is_column(columns.get(name), count, _is_finite):
            received = shorten(str(columns.get(name)))
            raise InputError(f"{url}: expected {count} numbers as {name}, received {received}")
    if not _is_column(columns.get(USABLE), count, _is_bool):
        raise InputError(
            f"{url}: expected {count} values true or false as {USABLE}, received "
            f"{shorten(str(columns.get(USABLE)))}; a model of an older version must be exported "
            "again"
        )
    return rows_from_lists({name: columns[name] for name in names})


def _is_column(values: Any, count: int, is_value: Callable[[Any], bool]) -> bool:
    return isinstance(values, Sequence) and len(values) == count and all(map(is_value, values))


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def shorten(text: str, max_length: int = 200) -> str:
    """Cut text that is too long for an error message."""
    return text if len(text) <= max_length else f"{text[:max_length]}..."
