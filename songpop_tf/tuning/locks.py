"""File locks of the worker processes that share the folder of a search."""

import contextlib
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout

from songpop_tf.console import Console


def acquire_worker_id(directory: Path) -> tuple[int, AcquireReturnProxy[Any]]:
    """Lock the lowest worker ID, from 1, that no running process holds.

    A restarted process thus gets the ID of the killed one, and resumes its trials.

    Returns:
        The ID, and its lock as a context manager.
    """
    for worker_id in count(1):
        with contextlib.suppress(Timeout):
            return worker_id, FileLock(_worker_lock(directory, worker_id)).acquire(timeout=0)
    raise AssertionError("count never ends")


@contextlib.contextmanager
def try_exclusive(directory: Path) -> Iterator[bool]:
    """Lock all worker IDs of a folder, so that no process starts to search there.

    Yields:
        Whether that succeeded: False if a worker is running.
    """
    with contextlib.ExitStack() as locks:
        is_exclusive = True
        for path in {_worker_lock(directory, 1), *_worker_locks(directory)}:
            try:
                locks.enter_context(FileLock(path).acquire(timeout=0))
            except Timeout:
                is_exclusive = False
        yield is_exclusive


def wait_for_other_workers(directory: Path, worker_id: int, console: Console) -> Iterator[int]:
    """Wait until each other worker has ended, one after the other.

    Args:
        directory: of the search.
        worker_id: ID of this process.
        console: prints that this process is waiting.

    Yields:
        The ID of each other worker; it stays locked until the next one is requested.
    """
    for path in sorted(_worker_locks(directory)):
        match = re.fullmatch(r"worker-(\d+)\.lock", path.name)
        if match and int(match[1]) != worker_id:
            with hold_lock(path, "another process to finish its trials", console):
                yield int(match[1])


@contextlib.contextmanager
def hold_lock(path: Path, reason: str, console: Console) -> Iterator[None]:
    """Hold a lock; if another process has it, print what this one is waiting for.

    Args:
        path: of the lock file.
        reason: completes "waiting for ...".
        console: prints that line.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.print(f"waiting for {reason}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _worker_lock(directory: Path, worker_id: int) -> Path:
    return directory / f"worker-{worker_id}.lock"


def _worker_locks(directory: Path) -> Iterator[Path]:
    return directory.glob("worker-*.lock")
