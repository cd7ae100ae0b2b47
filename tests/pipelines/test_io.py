"""Atomic writes and JSON files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.io import contains_files, read_json, write_atomically, write_json


def write_half(path: Path) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_failed_write_keeps_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    write_json(path, {"old": True})
    with pytest.raises(RuntimeError):
        write_half(path)
    assert read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_file_of_killed_process_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".table.json.tmp.json").write_text("left")
    assert not contains_files(tmp_path)
    write_json(tmp_path / "table.json", [1])
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]
    assert contains_files(tmp_path)
    assert not contains_files(tmp_path, ignore=["table.json"])


def test_invalid_json_raises_input_error_with_path(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="manifest.json: expected JSON"):
        read_json(tmp_path / "manifest.json")


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    code = "import pathlib, pipelines.io as io; io.write_json(pathlib.Path('a'), chr(379))"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert read_json(tmp_path / "a") == "Ż"
