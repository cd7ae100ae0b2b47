"""Read access to the directory that `prepare` writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import StrPath, file_fingerprint, read_json
from pipelines.source_folders import SourceFolders, to_folder
from pipelines.splits import SPLITS
from pipelines.tables.audio_features import AUDIO_FEATURES

DATA_FORMAT = 5
"""Changes whenever files written by an earlier version can no longer be read."""
MANIFEST = "manifest.json"
SONGS = "songs.csv"
METADATA = "metadata.csv"
LINKAGE = "linkage.csv"
QUARANTINE = "quarantine.csv"

METADATA_COLUMNS = ("artist", "title", "year", "popularity", "split")
"""What is read of the pre-training set: its other columns would take as much memory again."""

# Entries of the manifest that are read: their type, and the keys of each of their dictionaries.
_ENTRIES: dict[str, tuple[type, tuple[str, ...]]] = {
    "split": (dict, ("protocol", "seed")),
    "sources": (dict, ()),
    "fingerprints": (dict, (SONGS, METADATA)),
    "shards": (list, ("file", "split", "songs")),
    "counts": (dict, ("songs", "metadata", "linkage", "quarantine")),
}
_REMEDY = "the file was changed or is another program's; prepare again"


@dataclass(frozen=True)
class PreparedData:
    """Tables and TFRecord shards of a finished preparation.

    Attributes:
        directory: the directory that holds them.
        manifest: format, image size, split, seed, sources, fingerprints, shards and counts.
    """

    directory: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, directory: StrPath) -> "PreparedData":
        """Open a directory whose preparation is complete.

        Raises:
            InputError: the manifest is missing (never prepared, or interrupted), its format is
                not `DATA_FORMAT`, or it is not one that `prepare` wrote.
        """
        directory = Path(directory)
        path = directory / MANIFEST
        if not path.is_file():
            raise InputError(
                f"{directory}: expected prepared data, received a folder without {MANIFEST}; "
                "run `songpop-tf prepare` (again, if it was interrupted)"
            )
        manifest = read_json(path)
        received = manifest.get("format") if isinstance(manifest, dict) else None
        if received != DATA_FORMAT:
            raise InputError(
                f"{path}: expected format {DATA_FORMAT}, received {received}; prepare again"
            )
        _check_manifest(path, manifest)
        return cls(directory, manifest)

    @property
    def folders(self) -> SourceFolders:
        """The folders that the songs' files were in when they were prepared."""
        sources = self.manifest["sources"]
        paths = (sources.get(name) for name in ("spectrograms", "audio"))
        return SourceFolders(*(to_folder(path) if path else None for path in paths))

    @cached_property
    def songs(self) -> pd.DataFrame:
        """Every song with a spectrogram: song_id, artist, title, year, popularity, split, ...

        The column is_pretraining is 0 here and 1 in the rows of the pre-training set.
        """
        return self._read_table(SONGS).assign(is_pretraining=0)

    @cached_property
    def metadata(self) -> pd.DataFrame:
        """The pre-training set: `METADATA_COLUMNS`, and is_pretraining, which is 1."""
        return self._read_table(METADATA, METADATA_COLUMNS).assign(is_pretraining=1)

    def _read_table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        path = self.directory / name
        with reading(path, "a table that `songpop-tf prepare` wrote"):
            if file_fingerprint(path) != self.manifest["fingerprints"][name]:
                raise InputError(
                    f"{path}: expected the table of {MANIFEST}, received another; {_REMEDY}"
                )
            return _read_csv(path, columns)

    def songs_of(self, split: str) -> pd.DataFrame:
        """Return the songs of a split, in the order of its records.

        Raises:
            InputError: there is no split of that name.
        """
        return self.songs[self.songs.split == _checked(split)].reset_index(drop=True)

    def metadata_of(self, split: str) -> pd.DataFrame:
        """Return the rows of the pre-training set that belong to a split.

        Raises:
            InputError: there is no split of that name.
        """
        return self.metadata[self.metadata.split == _checked(split)].reset_index(drop=True)

    @property
    def shards(self) -> list[Path]:
        """All TFRecord files."""
        return [self.directory / shard["file"] for shard in self.manifest["shards"]]

    def shards_of(self, split: str) -> list[Path]:
        """Return the TFRecord files of a split, in order.

        Raises:
            InputError: there is no split of that name.
        """
        _checked(split)
        shards = self.manifest["shards"]
        return [self.directory / shard["file"] for shard in shards if shard["split"] == split]


def _check_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Raise an `InputError` if an entry is missing or of another type."""
    for name, (kind, keys) in _ENTRIES.items():
        value = manifest.get(name)
        if not isinstance(value, kind):
            received = "none" if value is None else f"{value!r:.40}"
            raise InputError(f"{path}: expected an entry {name!r}, received {received}; {_REMEDY}")
        for part in value if isinstance(value, list) else [value]:
            missing = set(keys) - set(part) if isinstance(part, dict) else keys
            if missing:
                raise InputError(
                    f"{path}: expected {name!r} with {', '.join(keys)}, received it without "
                    f"{', '.join(sorted(missing))}; {_REMEDY}"
                )


def _checked(split: str) -> str:
    if split not in SPLITS:
        raise InputError(f"split: expected one of {', '.join(SPLITS)}, received {split!r}")
    return split


def _read_csv(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    # keep_default_na: there are artists called "None" and titles called "NA".
    text_columns = ("song_id", "track_id", "artist", "title", "split", "file")
    missing_values = {name: [""] for name in AUDIO_FEATURES}
    return pd.read_csv(
        path,
        usecols=None if columns is None else list(columns),
        keep_default_na=False,
        na_values=missing_values,
        dtype=dict.fromkeys(text_columns, str),
    )
