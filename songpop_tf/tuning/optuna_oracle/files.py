"""Files that survive a kill, and a name that only one process bears."""

import hashlib
import json
import os
from typing import Any, TextIO

try:
    import fcntl
except ImportError:  # Windows: two oracles under one name go unnoticed there
    fcntl = None  # type: ignore[assignment]  # a module has no other stand-in


def is_local(directory: str) -> bool:
    """Whether a directory is in the file system; object stores replace whole objects anyway."""
    return "://" not in directory


def write_json(path: str, state: dict[str, Any]) -> None:
    """Writes a file so that a kill at any time leaves the old one or the new one, whole."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def held_name(directory: str, name: str) -> TextIO | None:
    """A file that keeps other processes from bearing a name, for as long as it is open.

    Raises:
        RuntimeError: if another process bears the name.
    """
    if fcntl is None or not is_local(directory):
        return None
    path = os.path.join(directory, hashlib.sha256(name.encode()).hexdigest()[:12] + ".lock")
    file = open(path, "w")  # noqa: SIM115  # it stays open
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise RuntimeError(
            f"expected one oracle at a time named {name}, received a second"
        ) from error
    return file
