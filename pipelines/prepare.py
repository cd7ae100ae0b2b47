"""Preparation in four steps: read the inputs, link them, split them, write the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.config import SplitConfig
from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.extras import require_extra
from pipelines.io import StrPath, fingerprint, to_paths, write_csv, write_json
from pipelines.linkage.deduplication import is_version_of_any
from pipelines.linkage.normalization import artist_key, title_key, version_tags
from pipelines.linkage.record_linkage import UNMATCHED, link_records
from pipelines.locks import locked_folder
from pipelines.manifest import PLAN, check_output_dir, make_manifest, make_plan
from pipelines.prepared_data import LINKAGE, MANIFEST, METADATA, QUARANTINE, SONGS, PreparedData
from pipelines.quarantine import (
    ANOTHER_VERSION,
    EXCLUSION_REASONS,
    HELD_OUT,
    REPEATED,
    TOO_FEW_ROWS,
    check_rejected_fraction,
    concatenate,
    file_entries,
    row_entries,
)
from pipelines.remote_files import RemoteFolder, set_beam_options
from pipelines.source_folders import Folder, SourceFolders, to_folder
from pipelines.spectrograms.shards import Shard, plan_shards, write_shards
from pipelines.splits import EXCLUDED, MIN_ROWS, SPLITS, split_metadata, split_songs
from pipelines.tables.audio_features import read_audio_features
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
        audio: directory of sound files, beside or instead of the spectrograms.
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
    """Result of the first step.

    Attributes:
        files: the spectrogram files; columns file, year, name.
        bad_files: files whose path cannot be parsed; columns file, reason.
        tables: the opened tables of tracks.
        tracks: the rows of all tables, without repetitions.
        bad_rows: the rows not in `tracks`; columns file, row, kind, reason.
        assumptions: what was assumed about the tables, each in one line.
    """

    files: pd.DataFrame
    bad_files: pd.DataFrame
    tables: Sequence[Table]
    tracks: pd.DataFrame
    bad_rows: pd.DataFrame
    assumptions: Sequence[str]


@dataclass(frozen=True)
class LinkedSongs:
    """Result of the second step.

    Attributes:
        links: one row a file: the track it was linked to, or why to none.
        songs: the linked songs, shuffled, with their audio features.
        repeated: rows of the files whose song has another file with a better link.
    """

    links: pd.DataFrame
    songs: pd.DataFrame
    repeated: pd.DataFrame


@dataclass(frozen=True)
class SplitTables:
    """Result of the third step.

    Attributes:
        songs: the songs that are in a split.
        excluded_songs: the songs that are in none.
        metadata: the pre-training set, without versions of the songs.
        held_out: the other tracks that are not used; with columns kind and reason.
    """

    songs: pd.DataFrame
    excluded_songs: pd.DataFrame
    metadata: pd.DataFrame
    held_out: pd.DataFrame


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
    inputs = read_inputs(options, tables, progress)
    if on_assumption is not None:
        for assumption in inputs.assumptions:
            on_assumption(assumption)
    files = inputs.files.file.to_list()
    fingerprints = [table.content.fingerprint() for table in tables]
    plan = make_plan(options.folders, files, fingerprints, options.split)
    check_output_dir(directory, plan)
    if (directory / MANIFEST).is_file():
        return PreparedData.open(directory)
    linked = link_songs(inputs, options, progress)
    split = split_tables(linked, inputs.tracks, options.split)
    return write_data(directory, plan, options, inputs, linked, split, progress)


def read_inputs(options: PrepareOptions, tables: Sequence[Table], progress: Progress) -> Inputs:
    """List the spectrogram files and read the tables."""
    files, bad_files = options.folders.find_songs()
    total = len(files) + len(bad_files)
    check_rejected_fraction(bad_files.file, bad_files.reason, total, "file names", options.max_bad)
    progress("reading tracks", 0, 1)
    tracks, bad_rows = parse_tracks(tables)
    progress("reading tracks", 1, 1)
    notes = [note for table in tables for note in table.notes]
    assumptions = notes + scale_notes(tracks, tables)
    return Inputs(files, bad_files, tables, tracks, bad_rows, assumptions)


def link_songs(inputs: Inputs, options: PrepareOptions, progress: Progress) -> LinkedSongs:
    """Link every file to a track, and collect the songs that are linked."""
    tracks, bad_rows = inputs.tracks, inputs.bad_rows
    invalid = bad_rows[bad_rows.kind == INVALID]
    lines = invalid.file + " line " + invalid.row.astype(str)
    total = len(tracks) + len(bad_rows)
    check_rejected_fraction(lines, invalid.reason, total, "rows", options.max_bad)
    links = link_records(inputs.files, tracks, lambda done, of: progress("linking", done, of))
    songs = _songs_table(links, tracks)
    repeated = _is_repeated(songs)
    kept = songs[~repeated].reset_index(drop=True)
    audio_features = read_audio_features(inputs.tables, tracks.loc[kept.track])
    kept = pd.concat([kept.drop(columns="track"), audio_features], axis=1)
    # Files are listed by year, and training shuffles the records of a few shards at a time:
    # without this, it would learn one era after the other.
    shuffled = kept.sample(frac=1, random_state=options.split.seed).reset_index(drop=True)
    return LinkedSongs(links, shuffled, songs[repeated])


def _songs_table(links: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each linked file: the song and the track it was linked to."""
    linked = links[links.kind != UNMATCHED]
    if linked.empty:
        raise InputError(
            f"expected songs that have a spectrogram and a track, received none: of {len(links)} "
            f"spectrograms none could be linked to one of {len(tracks)} tracks, such as "
            f"{links.file.iloc[0]}"
        )
    matched = tracks.loc[linked.track].reset_index(drop=True)
    return pd.DataFrame(
        {
            "song_id": [fingerprint(file)[:12] for file in linked.file],
            "track": linked.track.to_numpy(),
            "track_id": matched.track_id,
            "artist": matched.artist,
            "artists": matched.artists,
            "title": matched.title,
            # For a track without a date, the year of the chart whose folder holds the file.
            "year": matched.year.where(matched.year != UNKNOWN_YEAR, linked.year.to_numpy()),
            "popularity": matched.popularity,
            "file": linked.file.to_numpy(),
            "match": linked.kind.to_numpy(),
            "score": linked.score.to_numpy(),
        }
    )


def _is_repeated(songs: pd.DataFrame) -> "pd.Series[bool]":
    """Whether another file of the same song has a better link, or an equal one and is first."""
    best_first = songs.sort_values("score", ascending=False, kind="stable")
    same_track = best_first.track.duplicated()
    same_song = best_first.apply(_song_key, axis=1).duplicated()
    return (same_track | same_song).sort_index()


def _song_key(song: "pd.Series[Any]") -> tuple[str, str, frozenset[str]]:
    """Return what two files of one song share; another part or version is another song."""
    title = str(song.title)
    return artist_key(song.artists[0]), title_key(title), version_tags(title)


def split_tables(linked: LinkedSongs, tracks: pd.DataFrame, config: SplitConfig) -> SplitTables:
    """Split the songs, then the tracks that are no version of them: the pre-training set."""
    splits = split_songs(linked.songs, config.protocol, config.seed, config.validation, config.test)
    all_songs = linked.songs.assign(split=splits)
    excluded_songs = all_songs[splits == EXCLUDED]
    songs = all_songs[splits != EXCLUDED].reset_index(drop=True)
    links = linked.links[~linked.links.file.isin(excluded_songs.file)]
    is_version = is_version_of_any(tracks, _spellings(songs, links))
    # Columns rather than rows are left out while millions of tracks are split, and rows are copied
    # last: each copy of the whole table would take as much memory again.
    others = tracks.loc[~is_version, ["title", "artists", "year"]]
    splits, reason = _split_pretraining_set(others, songs, config)
    del others
    is_excluded = splits == EXCLUDED
    # The matched rows themselves are used: the songs table has their labels.
    is_unused_version = is_version & ~tracks.index.isin(links.track)
    held_out = pd.concat(
        [
            tracks[is_unused_version].assign(reason=ANOTHER_VERSION),
            tracks.loc[splits.index[is_excluded]].assign(reason=reason),
        ]
    )
    splits = splits[~is_excluded]
    metadata = tracks.drop(columns="artists").loc[splits.index].assign(split=splits)
    return SplitTables(songs, excluded_songs, metadata, held_out.assign(kind=HELD_OUT))


def _spellings(songs: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Return artist, title and artists of the songs, as in the tracks and as in the file names."""
    in_files = links[links.kind != UNMATCHED][["artist", "title"]]
    in_files = in_files.assign(
        artists=pd.Series([(artist,) for artist in in_files.artist], in_files.index)
    )
    return pd.concat([songs[["artist", "title", "artists"]], in_files])


def _split_pretraining_set(
    metadata: pd.DataFrame, songs: pd.DataFrame, config: SplitConfig
) -> tuple["pd.Series[str]", str]:
    """Return the split of each row, and the reason for those that are excluded."""
    if len(metadata) < 2 * MIN_ROWS:
        return pd.Series(EXCLUDED, metadata.index, dtype=str), TOO_FEW_ROWS
    splits = split_metadata(
        metadata, songs, config.protocol, config.seed, config.metadata_validation
    )
    return splits, EXCLUSION_REASONS[config.protocol]


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
    rejected = _write_spectrograms(shards, options, fingerprint(plan), progress)
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
    shards: Sequence[Shard], options: PrepareOptions, name: str, progress: Progress
) -> dict[str, str]:
    """Write the missing shards; return the reason for each rejected file."""
    total = sum(len(shard.songs) for shard in shards)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress("resizing spectrograms", done, total)

    if options.runner is None:
        return write_shards(shards, options.folders, advance)
    # Apache Beam is an extra, and slow to import.
    from pipelines import beam_shards

    arguments = options.beam_arguments
    return beam_shards.write_shards(shards, options.folders, advance, arguments, name)


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
