"""Check what TensorFlow Serving responds; shared by the REST and the gRPC client."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import InputError
from songpop_tf.serving.backend import Rows
from songpop_tf.serving.schema import FALLBACKS, METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM


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


def rows_from_columns(url: str, columns: Mapping[str, Any], count: int) -> Rows:
    """Convert the output columns of a response to one row for each song.

    Args:
        url: of the model, for error messages.
        columns: by output name, as received.
        count: number of songs in the request.

    Raises:
        InputError: a column is missing, or does not consist of ``count`` numbers.
    """
    for name in OUTPUTS:
        if not _is_column(columns.get(name), count):
            received = shorten(str(columns.get(name)))
            raise InputError(f"{url}: expected {count} numbers as {name}, received {received}")
    rows = zip(*(columns[name] for name in OUTPUTS), strict=True)
    return [(float(popularity), float(low), float(high)) for popularity, low, high in rows]


def _is_column(values: Any, count: int) -> bool:
    return (
        isinstance(values, Sequence)
        and len(values) == count
        and all(isinstance(value, int | float) for value in values)
    )


def shorten(text: str, max_length: int = 200) -> str:
    """Cut text that is too long for an error message."""
    return text if len(text) <= max_length else f"{text[:max_length]}..."
