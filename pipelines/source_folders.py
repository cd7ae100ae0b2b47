"""The folders that hold the songs of a preparation: spectrograms, sound files, or both."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.audio.convert import find_audio
from pipelines.audio.tags import read_tags
from pipelines.errors import InputError
from pipelines.tables.folder_files import file_problem
from pipelines.tables.spectrogram_files import find_spectrograms, printable

_PNG = ".png"


@dataclass(frozen=True)
class SourceFolders:
    """Where the files of songs are.

    Attributes:
        spectrograms: folder of ``<year>/<Artist>_-_<Title>.png``; None for none.
        audio: folder of sound files, in any layout; None for none.
    """

    spectrograms: Path | None = None
    audio: Path | None = None

    def path(self, file: str) -> Path:
        """The path of a file that `find_songs` listed."""
        folder = self.spectrograms if is_spectrogram(file) else self.audio
        if folder is None:
            raise ValueError(f"expected a file of {self}, received {file}")
        return folder / file

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
        if self.spectrograms is not None:
            tables.append(find_spectrograms(self.spectrograms))
        if self.audio is not None:
            tables.append(_find_sound_files(self.audio))
        files, rejects = zip(*tables, strict=True)
        return pd.concat(files, ignore_index=True), pd.concat(rejects, ignore_index=True)


def is_spectrogram(file: str) -> bool:
    """Whether a file of a song is its spectrogram, not its audio."""
    return file.lower().endswith(_PNG)


def _find_sound_files(directory: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not directory.is_dir():
        raise InputError(f"{directory}: expected a folder of sound files, found no folder")
    files: list[tuple[str, int, str]] = []
    rejects: list[tuple[str, str]] = []
    for path in find_audio([directory]):
        file, tags = path.relative_to(directory).as_posix(), read_tags(path)
        if printable(file) != file:
            rejects.append((printable(file), "expected a file name in UTF-8"))
        elif reason := file_problem(path) or tags.missing("the folder"):
            rejects.append((file, reason))
        else:
            files.append((file, tags.year, f"{tags.artist} - {tags.title}"))
    if not files:
        raise InputError(
            f"{directory}: none of {len(rejects)} sound files can be used; "
            f"{rejects[0][0]}: {rejects[0][1]}"
        )
    return (
        pd.DataFrame(files, columns=["file", "year", "name"]),
        pd.DataFrame(rejects, columns=["file", "reason"]),
    )
