"""Atomic writes."""

from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.files import holds_files, read_json, write_atomically, write_json


def fail_half_way(path: Path) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    write_json(path, {"old": True})
    with pytest.raises(RuntimeError):
        fail_half_way(path)
    assert read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".table.json.tmp.json").write_text("left")
    assert not holds_files(tmp_path)
    write_json(tmp_path / "table.json", [1])
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]
    assert holds_files(tmp_path)
    assert not holds_files(tmp_path, besides=["table.json"])


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="manifest.json: expected JSON"):
        read_json(tmp_path / "manifest.json")
