"""Spectrogram PNGs in the Kaggle layout: one folder per year, artist and title in the name.

No image is opened. Files that cannot be used are not dropped silently: they are returned in a
second table with the reason, for the quarantine list.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pandas as pd

from pipelines.constants import FIRST_YEAR, LAST_YEAR
from pipelines.errors import InputError
from pipelines.tables.folder_files import list_files

_PNG = ".png"

# Characters that a file system does not allow, quotation marks, and all control characters.
_NOT_ALLOWED = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+')
# With '.png', within the 255 bytes that file systems allow.
_MAX_PART_BYTES = 118


class _InvalidFileError(Exception):
    """Carries the reason for which a file is rejected."""


def spectrogram_path(artist: str, title: str, year: int) -> PurePosixPath | None:
    """Return `<year>/<Artist>_-_<Title>.png`, relative to the folder of spectrograms.

    Returns:
        None if the artist or the title has no character that a file name can contain.
    """
    parts = [_to_file_name(artist), _to_file_name(title)]
    if not all(parts):
        return None
    stem = "_-_".join(_shorten(part) for part in parts)
    return PurePosixPath(f"{year:04d}") / f"{stem}.png"


def _to_file_name(text: str) -> str:
    kept = _NOT_ALLOWED.sub(" ", unicodedata.normalize("NFC", text))
    # A leading dot would hide the file.
    return "_".join(kept.split()).lstrip("._").rstrip("_")


def _shorten(part: str) -> str:
    return part.encode()[:_MAX_PART_BYTES].decode(errors="ignore")


def find_spectrograms(directory: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the spectrogram PNGs in the year folders below `directory`.

    The year is the name of the nearest enclosing folder, below `directory`, that is a number, so
    an extra level of folders around or inside the years is allowed.

    Args:
        directory: folder that contains `<year>/<Artist>_-_<Title>.png`, with '_' for spaces.

    Returns:
        files: sorted by path; columns file (POSIX path relative to `directory`, as on disk), year
            (int) and name ('Artist - Title': Unicode NFC, spaces instead of '_').
        rejects: columns file and reason: PNGs outside a year folder, of an impossible year, or
            without an artist and a title in the name; broken links.

    Raises:
        InputError: `directory` is not a folder, contains no PNG or no usable one, or a folder in
            it cannot be listed.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: expected a folder of spectrograms, received no folder")
    found, problems = list_files(directory, [_PNG])
    paths = [path.relative_to(directory).as_posix() for path in found]
    rejects = [
        (printable(path.relative_to(directory).as_posix()), reason) for path, reason in problems
    ]
    return parse_spectrogram_paths(str(directory), paths, rejects)


def parse_spectrogram_paths(
    folder: str, paths: Iterable[str], rejects: Iterable[tuple[str, str]] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Parse the paths of PNG files below a folder, see `find_spectrograms`.

    Args:
        folder: for messages.
        paths: relative to it.
        rejects: paths that are rejected already, and the reasons.

    Raises:
        InputError: there is no path, or no usable one.
    """
    files: list[tuple[str, int, str]] = []
    rejects = list(rejects)
    for path in paths:
        try:
            files.append((path, _parse_year(path), _parse_name(path)))
        except _InvalidFileError as reason:
            rejects.append((printable(path), str(reason)))
    if not files and not rejects:
        raise InputError(
            f"{folder}: expected <year>/<Artist>_-_<Title>.png files, received a folder without "
            "PNG files"
        )
    if not files:
        first = f"{rejects[0][0]}: {rejects[0][1]}"
        raise InputError(f"{folder}: none of {len(rejects)} PNGs can be used; {first}")
    return (
        pd.DataFrame(files, columns=["file", "year", "name"]),
        pd.DataFrame(rejects, columns=["file", "reason"]),
    )


def _parse_year(path: str) -> int:
    numbers = [folder for folder in path.split("/")[:-1] if re.fullmatch("[0-9]+", folder)]
    if not numbers:
        raise _InvalidFileError("expected a folder named by a year, received a path without one")
    year = int(numbers[-1])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _InvalidFileError(
            f"expected a folder year in {FIRST_YEAR}-{LAST_YEAR}, received {year}"
        )
    return year


def _parse_name(path: str) -> str:
    stem = path.rsplit("/", 1)[-1][: -len(_PNG)]
    if printable(stem) != stem:
        raise _InvalidFileError("expected a file name in UTF-8")
    if "_-_" not in stem:
        raise _InvalidFileError("expected <Artist>_-_<Title>, received a name without '_-_'")
    name = unicodedata.normalize("NFC", stem).replace("_", " ").strip()
    if not all(part.strip() for part in f" {name} ".split(" - ", 1)):
        raise _InvalidFileError("expected <Artist>_-_<Title>, received an empty artist or title")
    return name


def printable(text: str) -> str:
    """Replace the bytes of a file name that are not UTF-8, so that it can be printed and saved."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
