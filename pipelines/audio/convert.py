"""Convert sound files to spectrogram PNGs in the layout of the data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pipelines.audio.audio_spectrogram import audio_spectrogram, encode_png
from pipelines.audio.decoding import SUFFIXES
from pipelines.audio.grayscale import Pixels
from pipelines.audio.tags import read_tags
from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.io import StrPath, to_paths, write_atomically, write_csv
from pipelines.locks import locked_folder
from pipelines.tables.folder_files import list_files
from pipelines.tables.spectrogram_files import printable, spectrogram_path
from pipelines.worker_pool import run_in_processes

FAILURES_FILE = "failures.csv"
"""In the output folder: the sound files without a spectrogram, and why."""


@dataclass(frozen=True)
class ConversionSummary:
    """Result of :func:`convert_audio`.

    Attributes:
        converted: spectrograms written by this call.
        existing: spectrograms that were there before.
        failures: columns file and reason.
    """

    converted: int
    existing: int
    failures: pd.DataFrame


def find_audio(paths: StrPath | Sequence[StrPath]) -> list[Path]:
    """List sound files: those given, and those below the folders given, sorted.

    Raises:
        InputError: a path does not exist, a folder cannot be listed, or there is no sound file at
            all.
    """
    files: list[Path] = []
    paths = to_paths(paths)
    for path in paths:
        if path.is_dir():
            files += _walk(path)
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"{path}: expected a sound file or a folder, found neither")
    if not files:
        listed = ", ".join(str(path) for path in paths)
        raise InputError(f"{listed}: expected sound files (mp3, wav, flac, ...), found none")
    return files


def _walk(directory: Path) -> list[Path]:
    """Sound files below a folder; a file that links lead to several times is listed once.

    Broken links are listed too: whoever reads them says so.
    """
    paths, problems = list_files(directory, SUFFIXES)
    broken = [path for path, _ in problems]
    files = {path.resolve(): path for path in reversed(paths)}
    return sorted([*files.values(), *broken])


def convert_audio(
    files: StrPath | Sequence[StrPath],
    directory: StrPath,
    *,
    year: int = UNKNOWN_YEAR,
    curve: Pixels | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ConversionSummary:
    """Write the spectrogram of each sound file to ``<year>/<Artist>_-_<Title>.png``.

    Spectrograms that exist are kept, so an interrupted call resumes.

    Args:
        files: sound files; artist, title and year come from their tags, else from their names.
        directory: of the spectrograms.
        year: of songs whose year is not known otherwise.
        curve: gray levels of a calibrated data set.
        processes: at most; None for one a core.
        progress: called with the number of files done and of all files.

    Raises:
        InputError: `directory` is a file, or another process writes there.
    """
    directory = Path(directory)
    with locked_folder(directory):
        return _convert_all(to_paths(files), directory, year, curve, processes, progress)


def _convert_all(
    files: Sequence[Path],
    directory: Path,
    year: int,
    curve: Pixels | None,
    processes: int | None,
    progress: Callable[[int, int], None] | None,
) -> ConversionSummary:
    targets, failures = _plan(files, directory, year)
    missing = {source: target for source, target in targets.items() if not target.is_file()}
    done = len(files) - len(missing)
    if progress is not None:
        progress(done, len(files))
    jobs = [(source, target, curve) for source, target in missing.items()]
    for index, reason in run_in_processes(_convert, jobs, processes):
        done += 1
        if reason:
            failures[jobs[index][0]] = reason
        if progress is not None:
            progress(done, len(files))
    table = pd.DataFrame(
        [(printable(str(file)), failures[file]) for file in files if file in failures],
        columns=["file", "reason"],
    )
    _write_failures(directory / FAILURES_FILE, table)
    failed = len(set(missing).intersection(failures))
    return ConversionSummary(len(missing) - failed, len(targets) - len(missing), table)


def _plan(
    files: Sequence[Path], directory: Path, year: int
) -> tuple[dict[Path, Path], dict[Path, str]]:
    """The spectrogram of each sound file, and the reason for those that can have none."""
    targets: dict[Path, Path] = {}
    failures: dict[Path, str] = {}
    sources: dict[Path, Path] = {}
    for file in files:
        tags = read_tags(file)
        tags = replace(tags, year=tags.year or year)
        path = spectrogram_path(tags.artist, tags.title, tags.year)
        if reason := tags.missing("--year"):
            failures[file] = reason
        elif path is None:
            failures[file] = (
                f"expected letters in artist and title, received {tags.artist!r} and {tags.title!r}"
            )
        elif (original := sources.setdefault(directory / path, file)) != file:
            failures[file] = f"expected another artist, title or year than those of {original}"
        else:
            targets[file] = directory / path
    return targets, failures


def _convert(source: Path, target: Path, curve: Pixels | None) -> str:
    """Convert one file; return the reason if that is impossible."""
    try:
        png = encode_png(audio_spectrogram(source, curve))
    except InputError as error:
        return str(error).removeprefix(f"{source}: ")
    with write_atomically(target) as temporary:
        temporary.write_bytes(png)
    return ""


def _write_failures(path: Path, table: pd.DataFrame) -> None:
    """Write the table; remove that of an earlier call where nothing failed."""
    if len(table):
        write_csv(path, table)
    else:
        path.unlink(missing_ok=True)
