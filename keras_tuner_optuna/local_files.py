"""Atomic JSON files, and a file lock on a worker's name."""

import hashlib
import json
import os
from typing import Any, TextIO

try:
    import fcntl
except ImportError:  # Windows: two oracles with the same worker name are not detected there
    fcntl = None  # type: ignore[assignment]  # a module has no other placeholder


def is_local(directory: str) -> bool:
    """Whether a directory is in the file system; object stores replace whole objects anyway."""
    return "://" not in directory


def write_json(path: str, state: dict[str, Any]) -> None:
    """Write a JSON file atomically: a kill at any time leaves either the old or the new file."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def lock_worker_name(directory: str, name: str) -> TextIO | None:
    """Lock a worker's name against other processes, for as long as the returned file is open.

    Returns:
        The open lock file, or None where locks are not available: on Windows, and for a directory
        in an object store.

    Raises:
        RuntimeError: another process has locked the name.
    """
    if fcntl is None or not is_local(directory):
        return None
    path = os.path.join(directory, hashlib.sha256(name.encode()).hexdigest()[:12] + ".lock")
    file = open(path, "w")  # noqa: SIM115  # the lock lasts while the file is open
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise RuntimeError(
            f"worker {name}: expected a name that no running oracle uses, received a second oracle"
        ) from error
    return file
