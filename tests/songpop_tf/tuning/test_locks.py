"""Locks of the processes that share a search."""

import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from songpop_tf.tuning.locks import (
    acquire_worker_id,
    hold_lock,
    try_exclusive,
    wait_for_other_workers,
)
from tests.songpop_tf.tuning.helpers import RecordingConsole


def test_worker_gets_the_lowest_free_id(tmp_path: Path) -> None:
    first, first_lock = acquire_worker_id(tmp_path)
    second, second_lock = acquire_worker_id(tmp_path)
    assert (first, second) == (1, 2)
    with second_lock:
        with first_lock:
            pass
        third, third_lock = acquire_worker_id(tmp_path)
        with third_lock:
            assert third == 1, "the ID of a process that ended is free"


def test_exclusive_only_without_workers(tmp_path: Path) -> None:
    with try_exclusive(tmp_path) as is_exclusive:
        assert is_exclusive
        worker_id, lock = acquire_worker_id(tmp_path)
        with lock:
            assert worker_id == 2, "no worker starts as the first one"
    with FileLock(tmp_path / "worker-2.lock"), try_exclusive(tmp_path) as is_exclusive:
        assert not is_exclusive


def test_other_workers_are_locked_one_after_the_other(tmp_path: Path) -> None:
    for worker_id in (1, 2, 3):
        (tmp_path / f"worker-{worker_id}.lock").touch()
    console = RecordingConsole()
    seen = []
    for worker_id in wait_for_other_workers(tmp_path, 2, console):
        seen.append(worker_id)
        with pytest.raises(Timeout):
            FileLock(tmp_path / f"worker-{worker_id}.lock").acquire(timeout=0)
    assert seen == [1, 3]
    assert not console.lines, "none of them is running"


def test_waiting_for_a_lock_is_printed(tmp_path: Path) -> None:
    is_held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(tmp_path / "lock"):
            is_held.set()
            release.wait(60)

    class ReleasingConsole(RecordingConsole):
        """Ends the wait once it is printed."""

        def print(self, text: str) -> None:
            super().print(text)
            release.set()

    console = ReleasingConsole()
    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(60)
    with hold_lock(tmp_path / "lock", "another process to start", console):
        assert console.lines == ["waiting for another process to start"]
    thread.join()


def test_free_lock_is_held_without_a_message(tmp_path: Path) -> None:
    console = RecordingConsole()
    with hold_lock(tmp_path / "lock", "another process", console), pytest.raises(Timeout):
        FileLock(tmp_path / "lock").acquire(timeout=0)
    FileLock(tmp_path / "lock").acquire(timeout=0).lock.release()
    assert not console.lines
