"""Atomic file writes, JSON and CSV files, and content fingerprints."""

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
    """Yield a temporary path beside ``path``; flush it and rename it to ``path`` on success.

    If the write is interrupted, ``path`` keeps its old content; it is never half written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed name, so that the remains of a killed process are overwritten. It keeps the suffix,
    # by which some writers choose the format.
    temporary = path.with_name(f".{path.name}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def contains_files(directory: Path, ignore: Collection[str] = ()) -> bool:
    """Whether a folder contains files other than ignored and hidden ones.

    Hidden files are the remains of interrupted writes.
    """
    if not directory.is_dir():
        return False
    names = {path.name for path in directory.iterdir() if not path.name.startswith(".")}
    return not names <= set(ignore)


def write_json(path: Path, content: Any) -> None:
    """Write an indented JSON file atomically."""
    with write_atomically(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the content is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, received: {error}") from None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table atomically, without its index."""
    with write_atomically(path) as temporary:
        table.to_csv(temporary, index=False)


def fingerprint(*parts: object) -> str:
    """Return a short stable hash of the text of the parts."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode())
    return digest.hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """Return a short stable hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def file_error(path: Path) -> str:
    """Return the reason, in one line, why a file cannot be read; "" if it can."""
    try:
        with path.open("rb"):
            return ""
    except (OSError, ValueError) as error:
        # A null byte in the name raises ValueError, which has no strerror.
        return f"expected a readable file, received: {getattr(error, 'strerror', error)}"
