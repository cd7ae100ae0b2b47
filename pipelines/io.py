"""Atomic file writes, JSON and CSV files, and content fingerprints."""

import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.errors import InputError
from pipelines.streams import copy_to_stream, is_stream, not_writable

if TYPE_CHECKING:
    import pandas as pd

StrPath = str | os.PathLike[str]
"""A path as callers from Python may give it."""

_ABANDONED = 3600.0
"""Seconds without a change, after which a temporary file is taken for that of a killed process."""


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; flush it and rename it to ``path`` on success.

    If the write is interrupted, ``path`` keeps its old content; it is never half written. A link
    stays: the file that it leads to is replaced. A device or a pipe is written through.
    """
    if is_stream(path):
        with TemporaryDirectory() as folder:
            temporary = Path(folder) / path.name
            yield temporary
            copy_to_stream(temporary, path)
        return
    path = linked_file(path)
    make_parent(path)
    _remove_abandoned(path)
    # Unique, as another process may write the same file. It keeps the suffix, by which some writers
    # choose the format.
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def make_parent(output: Path) -> None:
    """Create the folder of an output file or folder, unless it exists.

    Raises:
        InputError: it cannot be created.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(
            f"{output}: expected a folder to write to, received a file: {output.parent}"
        ) from None
    except OSError as error:
        raise not_writable(output, error) from error


def to_paths(paths: StrPath | Iterable[StrPath]) -> list[Path]:
    """Return one path, or several, as a list."""
    return [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]


def linked_file(path: Path) -> Path:
    """The file that a link leads to, which may not exist yet; any other path is unchanged."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _remove_abandoned(path: Path) -> None:
    """Remove the remains of killed processes that wrote ``path``."""
    remains = re.compile(
        re.escape(f".{path.name}.") + r"[0-9a-f]{12}\.tmp" + re.escape(path.suffix)
    )
    for file in path.parent.iterdir():
        if remains.fullmatch(file.name):
            with suppress(FileNotFoundError):  # its process has just renamed it
                if time.time() - file.stat().st_mtime > _ABANDONED:
                    file.unlink()


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
    except (ValueError, RecursionError) as error:
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
