"""List the files below a folder that people brought from other systems and disks."""

import os
import stat
from collections.abc import Collection
from pathlib import Path

from pipelines.errors import InputError

# What operating systems and network disks keep beside people's own files.
_SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


def list_files(
    directory: Path, suffixes: Collection[str]
) -> tuple[list[Path], list[tuple[Path, str]]]:
    """List the files with one of the suffixes below a folder, sorted.

    Links are followed, as year folders are often links to another disk, but not in loops. Hidden
    files and those of the operating system are passed over, such as the twin ``._name.png`` that
    macOS writes beside ``name.png``.

    Args:
        directory: the folder.
        suffixes: of the files, in lower case, with the dot.

    Returns:
        The files; and each path that is no file and should be one, with the reason.

    Raises:
        InputError: a folder cannot be listed: nobody knows how many songs it has.
    """
    files: list[Path] = []
    problems: list[tuple[Path, str]] = []
    folders: list[tuple[Path, frozenset[tuple[int, int]]]] = [(directory, frozenset())]
    while folders:
        folder, parents = folders.pop()
        identity, names = _list_folder(folder)
        if identity in parents:
            continue
        for name in names:
            path = folder / name
            problem = file_problem(path)
            if not problem and path.is_dir():
                folders.append((path, parents | {identity}))
            # A link to nothing that has no suffix may be the link to a folder of a year.
            elif problem and (path.suffix.lower() in suffixes or not path.suffix):
                problems.append((path, problem))
            elif path.suffix.lower() in suffixes:
                files.append(path)
    return sorted(files), sorted(problems)


def _list_folder(folder: Path) -> tuple[tuple[int, int], list[str]]:
    """Return what identifies the folder, and the names in it that are people's own."""
    try:
        status = folder.stat()
        names = [name for name in os.listdir(folder) if not is_passed_over(name)]
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder that can be listed, received: {error.strerror}"
        ) from error
    return (status.st_dev, status.st_ino), names


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is hidden, or one of the operating system."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def file_problem(path: Path) -> str:
    """Why a path is no file; "" for files and folders."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        kind = "a broken link" if path.is_symlink() else "none"
        return f"expected a file, received {kind}: {error.strerror}"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "expected a file, received a device"
