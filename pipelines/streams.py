"""Output paths that lead to no plain file: devices, pipes and a process's open files."""

import os
import re
import shutil
import sys
from pathlib import Path

from pipelines.errors import InputError

_MAX_LINKS = 40
"""Links that are followed, as many as Linux does."""
_DESCRIPTOR_FOLDER = re.compile(r"/dev/fd|/proc/(\d+|self|thread-self)(/task/\d+)?/fd")


def is_stream(path: Path) -> bool:
    """Whether a path must be written through, because it cannot be replaced by a file.

    Such as ``/dev/stdout``, a named pipe, or a link to one of them.
    """
    if _open_file(path) is not None:
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def copy_to_stream(source: Path, target: Path) -> None:
    """Write the content of a file to a path for which `is_stream` is true.

    Raises:
        BrokenPipeError: nobody reads it any more.
        InputError: it cannot be written, such as a device that is full.
    """
    descriptor = _own_descriptor(target)
    # A file that was opened again would be written from its start, over what is there already.
    sys.stdout.flush()
    output = target if descriptor is None else os.dup(descriptor)
    try:
        with source.open("rb") as content, open(output, "wb") as stream:
            shutil.copyfileobj(content, stream)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise not_writable(target, error) from error


def not_writable(output: Path, error: OSError) -> InputError:
    """The error to raise for an output that cannot be written."""
    return InputError(
        f"{output}: expected an output that can be written, received: {error.strerror}"
    )


def _open_file(path: Path) -> Path | None:
    """The entry ``/proc/.../fd/1`` or ``/dev/fd/1`` that a path leads to, if any."""
    for _ in range(_MAX_LINKS):
        folder = Path(os.path.realpath(path.parent))
        path = folder / path.name
        if _DESCRIPTOR_FOLDER.fullmatch(str(folder)) and path.name.isdecimal():
            return path
        if not path.is_symlink():
            return None
        path = folder / path.readlink()
    return None


def _own_descriptor(path: Path) -> int | None:
    """The number of the open file, if it is one of this process."""
    entry = _open_file(path)
    if entry is None or (str(os.getpid()) not in entry.parts and entry.parts[1] == "proc"):
        return None
    return int(entry.name)
