"""Preparation in four steps: read the inputs, link them, split them, write the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.config import SplitConfig
from pipelines.errors import InputError
from pipelines.extras import require_extra
from pipelines.io import StrPath, to_paths, write_csv, write_json
from pipelines.linked_songs import LinkedSongs, link_songs
from pipelines.locks import locked_folder
from pipelines.manifest import PLAN, check_output_dir, make_manifest, make_plan
from pipelines.prepared_data import LINKAGE, MANIFEST, METADATA, QUARANTINE, SONGS, PreparedData
from pipelines.quarantine import (
    EXCLUSION_REASONS,
    HELD_OUT,
    REPEATED,
    check_rejected_fraction,
    concatenate,
    file_entries,
    row_entries,
)
from pipelines.remote_files import BUCKET_FILE, RemoteFolder, check_local, set_beam_options
from pipelines.source_folders import Folder, SourceFolders, to_folder
from pipelines.spectrograms.shards import Shard, plan_shards, write_shards
from pipelines.split_tables import SplitTables, split_tables
from pipelines.splits import MIN_ROWS, SPLITS
from pipelines.tables.csv_reader import Table
from pipelines.tables.tracks import INVALID, open_tracks, parse_tracks, scale_notes

Progress = Callable[[str, int, int], None]
"""Called with a label of the running task, the number of items done, and of all items."""


@dataclass(frozen=True)
class PrepareOptions:
    """Inputs and settings of a preparation.

    Attributes:
        spectrograms: directory in the layout ``<year>/<Artist>_-_<Title>.png``; None for none. With
            a runner, it may be an address that Beam reads, such as ``gs://bucket/spectrograms``.
        tracks: tables in the layout of ``tracks.csv``; of a song in several tables, the label of
            the first counts.
        split: how songs are assigned to train, validation and test.
        max_bad: largest fraction of images, and of rows, that may be rejected.
        audio: directory of sound files, beside or instead of the spectrograms; or an address, too:
            sound files in buckets are known by their names and year folders, not by tags.
        runner: Apache Beam's runner that converts the files; None to convert them in this process.
        beam_options: Apache Beam's pipeline options, ``name=value`` or ``name``.
    """

    spectrograms: Folder | None
    tracks: Sequence[Path]
    split: SplitConfig
    max_bad: float = 0.05
    audio: Folder | None = None
    runner: str | None = None
    beam_options: Sequence[str] = ()

    def __post_init__(self) -> None:
        # A str is as good as a Path to callers from Python.
        for name in ("spectrograms", "audio"):
            if (folder := getattr(self, name)) is not None:
                object.__setattr__(self, name, to_folder(str(folder)))
        object.__setattr__(self, "tracks", to_paths(self.tracks))

    @property
    def beam_arguments(self) -> Sequence[str]:
        """The options as Apache Beam's parser takes them."""
        return [f"--{option}" for option in (f"runner={self.runner}", *self.beam_options)]

    @property
    def folders(self) -> SourceFolders:
        """The folders of the songs' files."""
        return SourceFolders(self.spectrograms, self.audio)


@dataclass(frozen=True)
class Inputs:
    """Result of the first step, but for the tracks.

    Attributes:
        files: the spectrogram files; columns file, year, name.
        bad_files: files whose path cannot be parsed; columns file, reason.
        tables: the opened tables of tracks.
        bad_rows: the rows not used as tracks; columns file, row, kind, reason.
        assumptions: what was assumed about the tables, each in one line.
    """

    files: pd.DataFrame
    bad_files: pd.DataFrame
    tables: Sequence[Table]
    bad_rows: pd.DataFrame
    assumptions: Sequence[str]


def prepare(
    options: PrepareOptions,
    directory: StrPath,
    progress: Progress,
    on_assumption: Callable[[str], None] | None = None,
) -> PreparedData:
    """Read, link, split and write; resume if interrupted with the same inputs and settings.

    Args:
        options: inputs and settings.
        directory: of the result.
        progress: called after each step of a task.
        on_assumption: called with a line for each thing that was assumed about a table, such as
            its separator or the scale of its popularities; the manifest lists them too.

    Returns:
        The finished data; immediately, if they are in `directory` already.

    Raises:
        InputError: an input cannot be used, too many of them were rejected, none could be linked,
            `directory` holds something else, or another process writes there.
    """
    _check_runner(options)
    if not 0 <= options.max_bad <= 1:
        raise InputError(f"max_bad: expected 0 to 1, received {options.max_bad}")
    for path in (directory, *options.tracks):
        check_local(path)
    directory = Path(directory)
    with locked_folder(directory):
        return _prepare(options, directory, progress, on_assumption)


def _check_runner(options: PrepareOptions) -> None:
    if options.runner is not None:
        require_extra("runner", "apache_beam", "beam")
        set_beam_options(options.beam_arguments)
        return
    for name, folder in (("spectrograms", options.spectrograms), ("audio", options.audio)):
        if isinstance(folder, RemoteFolder):
            raise InputError(
                f"{name}: expected a folder of this machine, or a runner of Apache Beam (--runner) "
                f"to read an address, received {folder}"
            )


def _prepare(
    options: PrepareOptions,
    directory: Path,
    progress: Progress,
    on_assumption: Callable[[str], None] | None,
) -> PreparedData:
    tables = open_tracks(options.tracks)
    inputs, tracks = read_inputs(options, tables, progress)
    if on_assumption is not None:
        for assumption in inputs.assumptions:
            on_assumption(assumption)
    files = inputs.files
    fingerprints = [table.content.fingerprint() for table in tables]
    plan = make_plan(options.folders, files.file.to_list(), fingerprints, options.split)
    check_output_dir(directory, plan)
    if (directory / MANIFEST).is_file():
        return PreparedData.open(directory)
    _check_rows(inputs.bad_rows, len(tracks), options.max_bad)
    linked = link_songs(
        files,
        tracks,
        tables,
        options.split.seed,
        lambda *counts: progress("linking", *counts),
    )
    split = split_tables(linked, tracks, options.split)
    del tracks  # gigabytes, if there are millions
    return write_data(directory, plan, options, inputs, linked, split, progress)


def read_inputs(
    options: PrepareOptions, tables: Sequence[Table], progress: Progress
) -> tuple[Inputs, pd.DataFrame]:
    """List the spectrogram files and read the tables: all their tracks, without repetitions."""
    files, bad_files = options.folders.find_songs()
    total = len(files) + len(bad_files)
    check_rejected_fraction(bad_files.file, bad_files.reason, total, "file names", options.max_bad)
    progress("reading tracks", 0, 1)
    tracks, bad_rows = parse_tracks(tables)
    progress("reading tracks", 1, 1)
    notes = [note for table in tables for note in table.notes]
    assumptions = notes + scale_notes(tracks, tables)
    return Inputs(files, bad_files, tables, bad_rows, assumptions), tracks


def _check_rows(bad_rows: pd.DataFrame, tracks: int, max_bad: float) -> None:
    invalid = bad_rows[bad_rows.kind == INVALID]
    lines = invalid.file + " line " + invalid.row.astype(str)
    total = tracks + len(bad_rows)
    check_rejected_fraction(lines, invalid.reason, total, "rows", max_bad)


def write_data(
    directory: Path,
    plan: dict[str, Any],
    options: PrepareOptions,
    inputs: Inputs,
    linked: LinkedSongs,
    split: SplitTables,
    progress: Progress,
) -> PreparedData:
    """Write the plan, the shards, the tables and, last, the manifest."""
    # Only now, with every input validated, is anything written to the directory.
    write_json(directory / PLAN, plan)
    shards = plan_shards(split.songs, directory)
    rejected = _write_spectrograms(shards, options, directory, progress)
    total = len(split.songs)
    check_rejected_fraction(rejected.keys(), rejected.values(), total, "images", options.max_bad)
    songs = split.songs[~split.songs.file.isin(list(rejected))]
    _check_split_sizes(songs)
    quarantine = concatenate(
        [
            file_entries(inputs.bad_files.file, INVALID, inputs.bad_files.reason),
            file_entries(rejected.keys(), INVALID, rejected.values()),
            file_entries(linked.repeated.file, REPEATED, "song has another file"),
            file_entries(
                split.excluded_songs.file, HELD_OUT, EXCLUSION_REASONS[options.split.protocol]
            ),
            inputs.bad_rows,
            row_entries(split.held_out, options.tracks),
        ]
    )
    tables = {
        LINKAGE: linked.links.drop(columns="track"),
        QUARANTINE: quarantine,
        SONGS: songs.drop(columns="artists"),
        METADATA: split.metadata,
    }
    for name, table in tables.items():
        write_csv(directory / name, table)
    paths = [table.path for table in inputs.tables]
    manifest = make_manifest(
        plan, options.folders, paths, inputs.assumptions, directory, shards, tables
    )
    _check_written([directory / PLAN, *(shard.path for shard in shards)])
    write_json(directory / MANIFEST, manifest)
    return PreparedData.open(directory)


def _write_spectrograms(
    shards: Sequence[Shard], options: PrepareOptions, directory: Path, progress: Progress
) -> dict[str, str]:
    """Write the missing shards; return the reason for each rejected file."""
    total = sum(len(shard.songs) for shard in shards)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress("resizing spectrograms", done, total)

    if options.runner is None:
        _check_bucket_file(directory / BUCKET_FILE)
        return write_shards(shards, options.folders, advance)
    # Apache Beam is an extra, and slow to import.
    from pipelines import beam_shards

    arguments = options.beam_arguments
    return beam_shards.write_shards(shards, options.folders, advance, arguments, directory)


def _check_bucket_file(path: Path) -> None:
    if path.is_file():
        raise InputError(
            f"{path}: expected a runner (--runner), to move shards from "
            f"{path.read_text(encoding='utf-8')}, or no such file, to write them again"
        )


def _check_written(paths: Sequence[Path]) -> None:
    """Raise an `InputError` if a file is gone: a manifest without it would promise what is not."""
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"{path}: expected a file that was just written, received none: it was removed "
                "meanwhile; remove the rest of its folder and prepare again"
            )


def _check_split_sizes(songs: pd.DataFrame) -> None:
    counts = {split: int((songs.split == split).sum()) for split in SPLITS}
    if min(counts.values()) < MIN_ROWS:
        raise InputError(
            f"expected at least {MIN_ROWS} readable spectrograms in every split, received {counts} "
            "after rejecting images"
        )
