"""Atomic writes: a file is there whole or not at all."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; once it is written, flush it and rename it.

    Whatever interrupts the writing, ``path`` holds its old content or the new one, never half.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Always the same name, so that what a killed process left is overwritten. The suffix stays:
    # some writers choose the format by it.
    temporary = path.with_name(f".{path.name}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def holds_files(directory: Path, besides: Collection[str] = ()) -> bool:
    """Whether a folder holds anything but the named files and what an interruption left."""
    if not directory.is_dir():
        return False
    names = {path.name for path in directory.iterdir() if not path.name.startswith(".")}
    return not names <= set(besides)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it holds no JSON.
    """
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, received something else: {error}") from None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table atomically, without its index."""
    with write_atomically(path) as temporary:
        table.to_csv(temporary, index=False)


def fingerprint(*parts: object) -> str:
    """Short stable hash of the parts' text."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode())
    return digest.hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """Short stable hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def unreadable(path: Path) -> str:
    """Say in one line why a file cannot be read; an empty string where it can."""
    try:
        with path.open("rb"):
            return ""
    except (OSError, ValueError) as error:
        # A name with a zero byte is no OSError.
        return f"expected a readable file, received: {getattr(error, 'strerror', error)}"
