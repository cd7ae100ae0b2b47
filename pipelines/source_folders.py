"""The folders that hold the songs of a preparation: spectrograms, sound files, or both."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.audio.convert import find_audio
from pipelines.audio.decoding import SUFFIXES
from pipelines.audio.tags import SongTags, read_tags, tags_of_path
from pipelines.errors import InputError
from pipelines.io import StrPath
from pipelines.remote_files import RemoteFolder, check_folder, is_address
from pipelines.tables.folder_files import file_problem
from pipelines.tables.spectrogram_files import (
    find_spectrograms,
    parse_spectrogram_paths,
    printable,
)

_PNG = ".png"

Folder = Path | RemoteFolder


def to_folder(path: StrPath) -> Folder:
    """Return a folder of this machine, or for an address such as ``gs://bucket`` of a bucket.

    Raises:
        InputError: it is another address.
    """
    check_folder(path)
    return RemoteFolder(str(path).rstrip("/")) if is_address(path) else Path(path)


@dataclass(frozen=True)
class SourceFolders:
    """Where the files of songs are.

    Attributes:
        spectrograms: folder of ``<year>/<Artist>_-_<Title>.png``; None for none.
        audio: folder of sound files, in any layout; None for none.
    """

    spectrograms: Folder | None = None
    audio: Folder | None = None

    def path(self, file: str) -> Path:
        """The path of a file that `find_songs` listed, which is not in a bucket."""
        folder = self._folder(file)
        if isinstance(folder, RemoteFolder):
            raise ValueError(f"expected a file of this machine, received {folder}/{file}")
        return folder / file

    def location(self, file: str) -> str:
        """The absolute path, or the address, of a file that `find_songs` listed."""
        folder = self._folder(file)
        if isinstance(folder, RemoteFolder):
            return folder.files[file].address
        return str(self.path(file).absolute())

    def version(self, file: str) -> tuple[int, float]:
        """Size and time of the last change of a file that `find_songs` listed."""
        folder = self._folder(file)
        if isinstance(folder, RemoteFolder):
            return folder.files[file].size, folder.files[file].modified
        status = (folder / file).stat()
        return status.st_size, status.st_mtime_ns

    def is_remote(self, file: str) -> bool:
        """Whether a file is in a bucket."""
        return isinstance(self._folder(file), RemoteFolder)

    def _folder(self, file: str) -> Folder:
        folder = self.spectrograms if is_spectrogram(file) else self.audio
        if folder is None:
            raise ValueError(f"expected a file of {self}, received {file}")
        return folder

    def find_songs(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """List the files of both folders.

        Returns:
            files: columns file (POSIX path relative to its folder), year (int) and name ('Artist -
                Title').
            rejects: columns file and reason.

        Raises:
            InputError: no folder is given, or one has no usable file.
        """
        if self.spectrograms is None and self.audio is None:
            raise InputError("expected a folder of spectrograms or of sound files, received none")
        tables = []
        if isinstance(self.spectrograms, RemoteFolder):
            paths = filter(is_spectrogram, self.spectrograms.files)
            tables.append(parse_spectrogram_paths(str(self.spectrograms), paths))
        elif self.spectrograms is not None:
            tables.append(find_spectrograms(self.spectrograms))
        if self.audio is not None:
            tables.append(_find_sound_files(self.audio))
        files, rejects = zip(*tables, strict=True)
        return pd.concat(files, ignore_index=True), pd.concat(rejects, ignore_index=True)


def is_spectrogram(file: str) -> bool:
    """Whether a file of a song is its spectrogram, not its audio."""
    return file.lower().endswith(_PNG)


SoundFile = tuple[str, str, SongTags]
"""A path relative to its folder, why it cannot be read ("" if it can), and its tags."""


def _find_sound_files(folder: Folder) -> tuple[pd.DataFrame, pd.DataFrame]:
    sound_files = (
        _remote_sound_files(folder)
        if isinstance(folder, RemoteFolder)
        else _local_sound_files(folder)
    )
    return _sound_tables(str(folder), sound_files)


def _local_sound_files(directory: Path) -> Iterator[SoundFile]:
    if not directory.is_dir():
        raise InputError(f"{directory}: expected a folder of sound files, found no folder")
    for path in find_audio([directory]):
        yield path.relative_to(directory).as_posix(), file_problem(path), read_tags(path)


def _remote_sound_files(folder: RemoteFolder) -> Iterator[SoundFile]:
    paths = [path for path in folder.files if Path(path).suffix.lower() in SUFFIXES]
    if not paths:
        raise InputError(f"{folder}: expected sound files (mp3, wav, flac, ...), received none")
    for path in paths:
        # To read their tags, this machine would have to download all files.
        yield path, "", tags_of_path(Path(folder.files[path].address))


def _sound_tables(
    folder: str, sound_files: Iterable[SoundFile]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    files: list[tuple[str, int, str]] = []
    rejects: list[tuple[str, str]] = []
    for file, problem, tags in sound_files:
        if printable(file) != file:
            rejects.append((printable(file), "expected a file name in UTF-8"))
        elif reason := problem or tags.missing("the folder"):
            rejects.append((file, reason))
        else:
            files.append((file, tags.year, f"{tags.artist} - {tags.title}"))
    if not files:
        raise InputError(
            f"{folder}: none of {len(rejects)} sound files can be used; "
            f"{rejects[0][0]}: {rejects[0][1]}"
        )
    return (
        pd.DataFrame(files, columns=["file", "year", "name"]),
        pd.DataFrame(rejects, columns=["file", "reason"]),
    )
