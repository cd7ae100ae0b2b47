"""Processes that share a search's folder: numbers, and waiting for each other."""

import contextlib
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout

from songpop_tf.training.fit import Console


def own_number(folder: Path) -> tuple[int, AcquireReturnProxy[Any]]:
    """The lowest number that no other process bears: who comes back takes up what it left."""
    for number in count(1):
        with contextlib.suppress(Timeout):
            return number, FileLock(folder / f"worker-{number}.lock").acquire(timeout=0)
    raise AssertionError("there is always another number")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Keep other processes from searching in a folder; whether none does."""
    with contextlib.ExitStack() as held:
        free = True
        for path in {folder / "worker-1.lock", *folder.glob("worker-*.lock")}:
            try:
                held.enter_context(FileLock(path).acquire(timeout=0))
            except Timeout:
                free = False
        yield free


def others_when_over(folder: Path, own: int, console: Console) -> Iterator[int]:
    """The number of every other process, once it is over; held while the caller deals with it."""
    for path in sorted(folder.glob("worker-*.lock")):
        found = re.fullmatch(r"worker-(\d+)\.lock", path.name)
        if found and int(found[1]) != own:
            with waiting_for(path, "the trials of another process", console):
                yield int(found[1])


@contextlib.contextmanager
def waiting_for(path: Path, what: str, console: Console) -> Iterator[None]:
    """Hold a lock; who has to wait for it is told what for."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.say(f"waits for {what}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
