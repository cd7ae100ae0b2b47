"""Errors of damaged files that libraries read: one line that names the file."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import InputError

_GIT_LFS_POINTER = b"version https://git-lfs"
_MAX_LENGTH = 300


@contextmanager
def translating(describe: Callable[[Exception], str]) -> Iterator[None]:
    """Translate the errors of a library that reads files.

    Args:
        describe: makes the message, which names the file.

    Raises:
        InputError: the library failed.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    # Libraries raise errors of all kinds for damaged files: OSError, KeyError, BadZipFile, ...
    except Exception as error:
        raise InputError(describe(error)) from error


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Translate any error of reading a file.

    Args:
        path: the file, or the folder of several.
        expected: what the file should be, for the message.

    Raises:
        InputError: the file is missing, cannot be read or has other content.
    """
    with translating(
        lambda error: f"{path}: expected {expected}, received {_received(path, error)}"
    ):
        yield


@contextmanager
def reading_arrays(path: Path, expected: str) -> Iterator[Mapping[str, npt.NDArray[Any]]]:
    """Open a ``.npz`` file; as `reading`, for what is done with its arrays.

    Args:
        path: the file.
        expected: what the file should be, for the message.

    Raises:
        InputError: the file is missing, cannot be read or has other content.
    """
    # Opened here, as NumPy leaves a damaged archive open.
    with reading(path, expected), path.open("rb") as file, np.load(file) as arrays:
        yield arrays


def _received(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "a file that must not be read"
    if not path.exists():
        return "a missing file"
    if path.is_file() and (problem := file_problem(path)):
        return problem
    reason = " ".join(str(error).split())[:_MAX_LENGTH]
    return f"a damaged file: {type(error).__name__}: {reason}"


def file_problem(path: Path) -> str:
    """What a file is instead of a file with content; "" if it has content."""
    with path.open("rb") as file:
        start = file.read(len(_GIT_LFS_POINTER))
    if not start:
        return "an empty file"
    return "a Git LFS pointer; run `git lfs pull`" if start == _GIT_LFS_POINTER else ""
