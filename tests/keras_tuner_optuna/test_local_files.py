"""Atomic JSON files and the lock on a worker's name."""

import json
from pathlib import Path
from typing import Any

import pytest

from keras_tuner_optuna.local_files import is_local, lock_worker_name, write_json

from .processes import exit_code, start_process


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_json(str(path), {"trials": 1})

    def raise_full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", raise_full)
    with pytest.raises(OSError, match="no space left"):
        write_json(str(path), {"trials": 2})
    assert json.loads(path.read_text()) == {"trials": 1}


def test_name_is_locked_until_its_file_is_closed(tmp_path: Path) -> None:
    def lock(name: str) -> None:
        lock_worker_name(str(tmp_path), name)

    file = lock_worker_name(str(tmp_path), "a")
    assert file is not None
    assert exit_code(start_process(lock, "a")) == 1, "another process is refused"
    assert exit_code(start_process(lock, "b")) == 0
    file.close()
    assert exit_code(start_process(lock, "a")) == 0


def test_object_stores_are_not_local() -> None:
    assert is_local("/tmp/project")
    assert not is_local("gs://bucket/project")
    assert lock_worker_name("gs://bucket/project", "a") is None
