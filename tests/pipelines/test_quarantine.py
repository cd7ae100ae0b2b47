"""Entries of the quarantine, and the limit on rejected inputs."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.quarantine import check_rejected_fraction, concatenate, file_entries, row_entries


def test_rejected_fraction_above_the_limit_is_an_error_with_an_example() -> None:
    check_rejected_fraction(["a", "b"], ["broken", "empty"], 40, "images", 0.05)
    expected = r"at most 5% bad images \(--max-bad\), received 2 of 39, the first: a: broken"
    with pytest.raises(InputError, match=expected):
        check_rejected_fraction(["a", "b"], ["broken", "empty"], 39, "images", 0.05)


def test_entries_name_file_and_row() -> None:
    rows = pd.DataFrame(
        {"source": [1], "row": [7], "kind": ["held_out"], "reason": ["r"], "title": ["t"]}
    )
    entries = concatenate(
        [
            file_entries(["a.png", "b.png"], "repeated", "song has another file"),
            file_entries(["c.png"], "invalid", ["empty"]),
            row_entries(rows, [Path("first.csv"), Path("second.csv")]),
        ]
    )
    assert entries.to_numpy().tolist() == [
        ["a.png", 0, "repeated", "song has another file"],
        ["b.png", 0, "repeated", "song has another file"],
        ["c.png", 0, "invalid", "empty"],
        ["second.csv", 7, "held_out", "r"],
    ]
    assert entries.columns.to_list() == ["file", "row", "kind", "reason"]
