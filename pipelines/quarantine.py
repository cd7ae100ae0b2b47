"""Input files and rows that are not used, each with the reason: the content of quarantine.csv."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pandas as pd

from pipelines.errors import InputError
from pipelines.prepared_data import SONGS

HELD_OUT = "held_out"
"""Kind of the entries that are valid, but would leak held-out songs into training."""
REPEATED = "repeated"
"""Kind of the files whose song has another file."""

ANOTHER_VERSION = f"another version of a song in {SONGS}"
TOO_FEW_ROWS = "too few rows besides the songs to pre-train on"
EXCLUSION_REASONS = {
    "random": "in no split",
    "artist": "credits artists of several splits",
    "time": "unknown year: it may be newer than the training songs",
}
"""Why a split excludes rows, by protocol."""


def check_rejected_fraction(
    rejected: Collection[str], reasons: Iterable[str], total: int, what: str, max_bad: float
) -> None:
    """Raise an `InputError` if more than a fraction of the inputs is rejected.

    Args:
        rejected: names of the rejected inputs.
        reasons: the reason for each of them.
        total: number of all inputs, rejected or not.
        what: noun for the inputs, in the plural.
        max_bad: largest fraction of `total` that may be rejected.
    """
    if len(rejected) > max_bad * total:
        raise InputError(
            f"expected at most {max_bad:.0%} bad {what} (--max-bad), received "
            f"{len(rejected)} of {total}, the first: {next(iter(rejected))}: {next(iter(reasons))}"
        )


def file_entries(files: Iterable[str], kind: str, reasons: str | Iterable[str]) -> pd.DataFrame:
    """Return entries for whole files, with row 0.

    Args:
        files: path of each file.
        kind: of all entries.
        reasons: one for all files, or one for each.
    """
    reasons = reasons if isinstance(reasons, str) else list(reasons)
    return pd.DataFrame({"file": list(files), "row": 0, "kind": kind, "reason": reasons})


def row_entries(rows: pd.DataFrame, tables: Sequence[Path]) -> pd.DataFrame:
    """Return entries for rows of the tables.

    Args:
        rows: columns source (index of the table), row, kind and reason.
        tables: the tables' paths.
    """
    return rows.assign(file=rows.source.map(lambda source: str(tables[source])))


def concatenate(entries: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the columns file, row, kind and reason of all entries, in order."""
    return pd.concat(entries, ignore_index=True)[["file", "row", "kind", "reason"]]
