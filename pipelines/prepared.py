"""The folder that preparation writes, for reading."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.errors import InputError
from pipelines.files import read_json
from pipelines.sound import SOUND

FORMAT = 2
MANIFEST = "manifest.json"
SONGS = "songs.csv"
METADATA = "metadata.csv"
LINKAGE = "linkage.csv"
QUARANTINE = "quarantine.csv"


@dataclass(frozen=True)
class PreparedData:
    """Tables and records of a finished preparation.

    Attributes:
        directory: the folder.
        manifest: what was made of what: spec, split, seed, counts, fingerprints, shards.
    """

    directory: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, directory: Path) -> "PreparedData":
        """Open a folder whose preparation is complete.

        Raises:
            InputError: there is no manifest (never prepared, or interrupted), or its format is
                another one.
        """
        path = directory / MANIFEST
        if not path.is_file():
            raise InputError(
                f"{directory}: expected prepared data, found no {MANIFEST}; "
                "run `songpop-tf prepare` (again, if it was interrupted)"
            )
        manifest = read_json(path)
        received = manifest.get("format") if isinstance(manifest, dict) else None
        if received != FORMAT:
            raise InputError(
                f"{path}: expected format {FORMAT}, received {received}; prepare again"
            )
        return cls(directory, manifest)

    @cached_property
    def songs(self) -> pd.DataFrame:
        """Every song with a spectrogram: song_id, artist, title, year, popularity, split, ...

        The column in_large tells its rows (0) from those of the large set (1).
        """
        return _read_text_table(self.directory / SONGS).assign(in_large=0)

    @cached_property
    def metadata(self) -> pd.DataFrame:
        """The large text set: artist, title, year, popularity, split, ..."""
        return _read_text_table(self.directory / METADATA).assign(in_large=1)

    def songs_of(self, split: str) -> pd.DataFrame:
        """The songs of a split, in the order of its records."""
        return self.songs[self.songs.split == split].reset_index(drop=True)

    def metadata_of(self, split: str) -> pd.DataFrame:
        """The rows of the large set that belong to a split."""
        return self.metadata[self.metadata.split == split].reset_index(drop=True)

    def shards_of(self, split: str) -> list[Path]:
        """The TFRecord files of a split, in order."""
        shards = self.manifest["shards"]
        return [self.directory / shard["file"] for shard in shards if shard["split"] == split]


def _read_text_table(path: Path) -> pd.DataFrame:
    # keep_default_na: there are artists called "None" and titles called "NA".
    text = ("song_id", "track_id", "artist", "title", "split", "file")
    unknown = {name: [""] for name in SOUND}
    return pd.read_csv(
        path, keep_default_na=False, na_values=unknown, dtype=dict.fromkeys(text, str)
    )
