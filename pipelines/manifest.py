"""What a prepared directory was made from: its plan, written first, and manifest, written last."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.io import contains_files, file_fingerprint, fingerprint, read_json
from pipelines.linkage.record_linkage import KINDS
from pipelines.prepared_data import DATA_FORMAT, LINKAGE, METADATA, QUARANTINE, SONGS
from pipelines.source_folders import Folder, SourceFolders
from pipelines.spectrograms.loading import COLUMNS, ROWS
from pipelines.spectrograms.shards import Shard
from pipelines.splits import SPLITS

PLAN = "plan.json"


def make_plan(
    folders: SourceFolders, files: Sequence[str], tracks: Sequence[str], split: SplitConfig
) -> dict[str, Any]:
    """Return everything that the result depends on: equal plans give equal data.

    Args:
        folders: of the spectrograms and sound files.
        files: paths relative to them.
        tracks: fingerprints of the tables of tracks.
        split: how songs are split.
    """
    versions = [folders.version(file) for file in files]
    return {
        "format": DATA_FORMAT,
        "spec": {"rows": ROWS, "columns": COLUMNS},
        "split": dataclasses.asdict(split),
        "fingerprints": {
            "spectrograms": fingerprint(*zip(files, versions, strict=True)),
            "tracks": list(tracks),
        },
    }


def check_output_dir(directory: Path, plan: dict[str, Any]) -> None:
    """Raise an `InputError` unless the directory is empty or of the same plan."""
    path = directory / PLAN
    if path.is_file():
        if read_json(path) != plan:
            raise InputError(
                f"{directory}: expected an empty folder or the same preparation, received "
                "one of other inputs or settings; choose another --out or remove it"
            )
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a folder, received a file")
    elif contains_files(directory):
        raise InputError(f"{directory}: expected an empty folder, received one with other files")


def make_manifest(
    plan: dict[str, Any],
    folders: SourceFolders,
    tracks: Sequence[Path],
    assumptions: Sequence[str],
    directory: Path,
    shards: Sequence[Shard],
    tables: dict[str, pd.DataFrame],
) -> dict[str, Any]:
    """Return the plan completed by sources, shards, and fingerprints and counts of the tables.

    Args:
        plan: from `make_plan`.
        folders: of the spectrograms and sound files.
        tracks: paths of the tables of tracks.
        assumptions: about these tables.
        directory: the output, where the tables are written already.
        shards: the record files; those of their songs that are missing in the songs table are
            not counted.
        tables: content of the CSV files, by file name.
    """
    songs = tables[SONGS]
    written = {name: file_fingerprint(directory / name) for name in (SONGS, METADATA)}
    return {
        **plan,
        "sources": {
            "spectrograms": _resolved(folders.spectrograms),
            "audio": _resolved(folders.audio),
            "tracks": [str(path.resolve()) for path in tracks],
            "assumptions": list(assumptions),
        },
        "seed": plan["split"]["seed"],
        "fingerprints": {**plan["fingerprints"], **written},
        "shards": [
            {
                "file": shard.path.relative_to(directory).as_posix(),
                "split": shard.split,
                "songs": int(shard.songs.file.isin(songs.file).sum()),
            }
            for shard in shards
        ],
        "counts": {
            "songs": _value_counts(songs.split, SPLITS),
            "metadata": _value_counts(tables[METADATA].split, SPLITS),
            "linkage": _value_counts(tables[LINKAGE].kind, KINDS),
            "quarantine": tables[QUARANTINE].kind.value_counts().to_dict(),
        },
    }


def _resolved(folder: Folder | None) -> str | None:
    return str(folder.resolve() if isinstance(folder, Path) else folder) if folder else None


def _value_counts(column: "pd.Series[str]", order: Sequence[str]) -> dict[str, int]:
    """Count the values in a given order, without those that do not occur."""
    counts = column.value_counts()
    return {name: int(counts[name]) for name in order if name in counts}
