"""Locks of outputs, so that no two processes write the same one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.errors import InputError
from pipelines.io import linked_file, make_parent
from pipelines.streams import not_writable

_LOCK_FILE = ".lock"


@contextmanager
def locked_folder(directory: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is a hidden file in it.

    Creates the folder; if nothing was written there, a new one is removed again.

    Raises:
        InputError: another process writes there, or the path is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a folder, received a file")
    is_new = not directory.exists()
    lock_file = directory / _LOCK_FILE
    make_parent(lock_file)
    try:
        with _locked(lock_file, directory):
            yield
    finally:
        if is_new:
            with suppress(OSError):  # not empty
                directory.rmdir()


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock of an output file, which is a hidden file beside it.

    Raises:
        InputError: another process writes that file.
    """
    file = linked_file(path)
    make_parent(file)
    with _locked(file.with_name(f".{file.name}{_LOCK_FILE}"), path):
        yield


@contextmanager
def _locked(lock_file: Path, output: Path) -> Iterator[None]:
    lock = FileLock(lock_file)
    try:
        lock_file.touch()  # where no file can be created, FileLock reports a held lock
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{output}: expected an output that only this process writes, received one that "
            "another process writes now; wait until it ends or write elsewhere"
        ) from None
    except OSError as error:
        raise not_writable(output, error) from error
    try:
        yield
    finally:
        # Before it is released: afterwards it may be another process's lock.
        lock_file.unlink(missing_ok=True)
        lock.release()
