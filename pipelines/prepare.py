"""Preparation: from a folder of spectrograms and tables of tracks to data ready for training."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.errors import InputError
from pipelines.files import (
    file_fingerprint,
    fingerprint,
    holds_files,
    read_json,
    write_csv,
    write_json,
)
from pipelines.kaggle import INVALID, find_spectrograms, read_tracks
from pipelines.linkage import KINDS, UNMATCHED, link
from pipelines.names import artist_key, recording, title_key
from pipelines.prepared import FORMAT, LINKAGE, MANIFEST, METADATA, QUARANTINE, SONGS, PreparedData
from pipelines.shards import Shard, plan_shards, write_shards
from pipelines.songs import same_song
from pipelines.sound import read_sound
from pipelines.spectrogram import COLUMNS, ROWS
from pipelines.splits import FEWEST, LEFT_OUT, SIDES, split_metadata, split_songs
from songpop_tf.config import SplitConfig

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""

HELD_OUT = "held_out"
"""Kind of the quarantine's entries that may not be used because of songs that are."""
_PLAN = "plan.json"
_LEFT_OUT_REASON = {
    "random": "belongs to no one side of the split",
    "artist": "it credits artists of several sides of the split",
    "time": "its year is not known, so it may be newer than the training songs",
}


@dataclass(frozen=True)
class PrepareOptions:
    """What is prepared from what.

    Attributes:
        spectrograms: folder in the layout ``<year>/<Artist>_-_<Title>.png``.
        tracks: tables in the layout of ``tracks.csv``; where a song stands in several, the first
            table's label counts.
        split: how songs are dealt to train, validation and test.
        max_bad: largest share of images, and of rows, that may be rejected.
    """

    spectrograms: Path
    tracks: Sequence[Path]
    split: SplitConfig
    max_bad: float = 0.05


def prepare(options: PrepareOptions, directory: Path, progress: Progress) -> PreparedData:
    """Link, split, shrink and write; an interrupted call with the same inputs is taken up again.

    Returns:
        The finished data.

    Raises:
        InputError: an input cannot be used, too much of it was rejected, nothing could be linked,
            or ``directory`` holds the preparation of something else.
    """
    if not 0 <= options.max_bad <= 1:
        raise InputError(f"max_bad: expected 0 to 1, received {options.max_bad}")
    files, bad_files = find_spectrograms(options.spectrograms)
    total = len(files) + len(bad_files)
    _check_share(bad_files.file, bad_files.reason, total, "file names", options)
    progress("reading tracks", 0, 1)
    tracks, bad_rows = read_tracks(options.tracks)
    progress("reading tracks", 1, 1)
    plan = _plan(options, files)
    _check_folder(directory, plan)
    if (directory / MANIFEST).is_file():
        return PreparedData.open(directory)
    invalid = bad_rows[bad_rows.kind == INVALID]
    lines = invalid.file + " line " + invalid.row.astype(str)
    _check_share(lines, invalid.reason, len(tracks) + len(bad_rows), "rows", options)
    links = link(files, tracks, lambda done, of: progress("linking", done, of))
    config = options.split
    songs, repeated = _linked_songs(links, tracks)
    sound = read_sound(options.tracks, tracks.loc[songs.track])
    songs = pd.concat([songs.drop(columns="track"), sound], axis=1)
    # Files come by year, and training shuffles records of a few shards at a time: without this
    # it would learn one era after the other.
    songs = songs.sample(frac=1, random_state=config.seed).reset_index(drop=True)
    songs["split"] = split_songs(
        songs, config.protocol, config.seed, config.validation, config.test
    )
    shared = songs[songs.split == LEFT_OUT]
    songs = songs[songs.split != LEFT_OUT].reset_index(drop=True)
    linked = links[~links.file.isin(shared.file)]
    metadata, held_out = _metadata(tracks, songs, linked, config)
    # Only now, with every input found usable: a folder is claimed for what will fill it.
    write_json(directory / _PLAN, plan)
    shards = plan_shards(songs, directory)
    rejected = _shrink(shards, options, progress)
    _check_share(rejected.keys(), rejected.values(), len(songs), "images", options)
    songs = songs[~songs.file.isin(list(rejected))]
    _check_sides(songs)
    unused = [
        _unused(bad_files.file, INVALID, bad_files.reason),
        _unused(rejected.keys(), INVALID, rejected.values()),
        _unused(repeated.file, "repeated", "song has another file"),
        _unused(shared.file, HELD_OUT, _LEFT_OUT_REASON[config.protocol]),
        bad_rows,
        held_out.assign(file=held_out.source.map(lambda one: str(options.tracks[one]))),
    ]
    quarantine = pd.concat(unused, ignore_index=True)[["file", "row", "kind", "reason"]]
    write_csv(directory / LINKAGE, links.drop(columns="track"))
    write_csv(directory / QUARANTINE, quarantine)
    write_csv(directory / SONGS, songs.drop(columns="artists"))
    write_csv(directory / METADATA, metadata.drop(columns="artists"))
    counts = {
        "songs": _counts(songs.split, SIDES),
        "metadata": _counts(metadata.split, SIDES),
        "linkage": _counts(links.kind, KINDS),
        "quarantine": quarantine.kind.value_counts().to_dict(),
    }
    manifest = _manifest(plan, options, directory, songs, shards)
    write_json(directory / MANIFEST, {**manifest, "counts": counts})
    return PreparedData.open(directory)


def _plan(options: PrepareOptions, files: pd.DataFrame) -> dict[str, Any]:
    """Everything the result depends on; two equal plans give the same data."""
    split = dataclasses.asdict(options.split)
    if options.split.protocol == "artist":
        # What an earlier version dealt by circles of artists must not be taken up.
        split["dealt_by"] = "first artist"
    stats = [(options.spectrograms / file).stat() for file in files.file]
    sizes = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
    return {
        "format": FORMAT,
        "spec": {"rows": ROWS, "columns": COLUMNS},
        "split": split,
        "fingerprints": {
            "spectrograms": fingerprint(*zip(files.file, sizes, strict=True)),
            "tracks": [file_fingerprint(path) for path in options.tracks],
        },
    }


def _check_folder(directory: Path, plan: dict[str, Any]) -> None:
    """Make sure that the folder is empty, or that what lies in it was made by the same plan."""
    path = directory / _PLAN
    if path.is_file():
        if read_json(path) != plan:
            raise InputError(
                f"{directory}: expected an empty folder or the same preparation, found "
                "one of other inputs or settings; choose another --out or remove it"
            )
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a folder, found a file")
    elif holds_files(directory):
        raise InputError(f"{directory}: expected an empty folder, found files of something else")


def _check_share(
    places: Collection[str], reasons: Iterable[str], total: int, what: str, options: PrepareOptions
) -> None:
    """Make sure that what cannot be used, and why, is not too large a share."""
    if len(places) > options.max_bad * total:
        raise InputError(
            f"expected at most {options.max_bad:.0%} bad {what} (--max-bad), received "
            f"{len(places)} of {total}, the first: {next(iter(places))}: {next(iter(reasons))}"
        )


def _linked_songs(links: pd.DataFrame, tracks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The songs table, and the files left out because another file is the same song."""
    linked = links[links.kind != UNMATCHED]
    if linked.empty:
        raise InputError(
            f"expected songs that stand in both, found none: of {len(links)} spectrograms none "
            f"could be linked to one of {len(tracks)} tracks, such as {links.file.iloc[0]}"
        )
    matched = tracks.loc[linked.track].reset_index(drop=True)
    songs = pd.DataFrame(
        {
            "song_id": [fingerprint(file)[:12] for file in linked.file],
            "track": linked.track.to_numpy(),
            "track_id": matched.track_id,
            "artist": matched.artist,
            "artists": matched.artists,
            "title": matched.title,
            # A track without a date takes the year of the chart that the file lies under.
            "year": matched.year.where(matched.year > 0, linked.year.to_numpy()),
            "popularity": matched.popularity,
            "file": linked.file.to_numpy(),
            "match": linked.kind.to_numpy(),
            "score": linked.score.to_numpy(),
        }
    )
    best_first = songs.sort_values("score", ascending=False, kind="stable")
    same_track = best_first.track.duplicated()
    repeated = (same_track | best_first.apply(_recorded_song, axis=1).duplicated()).sort_index()
    return songs[~repeated].reset_index(drop=True), songs[repeated]


def _recorded_song(song: "pd.Series[Any]") -> tuple[str, str, frozenset[str]]:
    """What two files of one song share; another part, version or artist is another song."""
    title = str(song.title)
    return artist_key(song.artists[0]), title_key(title), recording(title)


def _shrink(shards: Sequence[Shard], options: PrepareOptions, progress: Progress) -> dict[str, str]:
    total = sum(len(shard.songs) for shard in shards)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress("shrinking spectrograms", done, total)

    return write_shards(shards, options.spectrograms, advance)


def _check_sides(songs: pd.DataFrame) -> None:
    counts = {split: int((songs.split == split).sum()) for split in SIDES}
    if min(counts.values()) < FEWEST:
        raise InputError(
            f"expected at least {FEWEST} readable spectrograms in every split, received {counts} "
            "after rejecting images"
        )


def _metadata(
    tracks: pd.DataFrame, songs: pd.DataFrame, links: pd.DataFrame, config: SplitConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The large text set with its splits, and the rows held out of it, with the reason."""
    as_in_files = links[links.kind != UNMATCHED][["artist", "title"]]
    as_in_files = as_in_files.assign(
        artists=pd.Series([(artist,) for artist in as_in_files.artist], as_in_files.index)
    )
    spellings = pd.concat([songs[["artist", "title", "artists"]], as_in_files])
    in_songs = same_song(tracks, spellings)
    metadata = tracks[~in_songs].copy()
    reason = _LEFT_OUT_REASON[config.protocol]
    if len(metadata) < 2 * FEWEST:
        metadata["split"] = LEFT_OUT
        reason = "too few rows besides the songs to pre-train on"
    else:
        metadata["split"] = split_metadata(
            metadata, songs, config.protocol, config.seed, config.metadata_validation
        )
    left_out = metadata.split == LEFT_OUT
    # The matched rows themselves are used: their labels stand in the songs table.
    versions = in_songs & ~tracks.index.isin(links.track)
    held_out = pd.concat(
        [
            tracks[versions].assign(reason=f"another version of a song in {SONGS}"),
            metadata[left_out].assign(reason=reason),
        ]
    )
    return metadata[~left_out], held_out.assign(kind=HELD_OUT)


def _unused(files: Iterable[str], kind: str, reasons: str | Iterable[str]) -> pd.DataFrame:
    """Entries of the quarantine for whole files, which have row 0."""
    reasons = reasons if isinstance(reasons, str) else list(reasons)
    return pd.DataFrame({"file": list(files), "row": 0, "kind": kind, "reason": reasons})


def _counts(column: "pd.Series[str]", order: Sequence[str]) -> dict[str, int]:
    """How often each value occurs, in a given order; those that do not occur are left out."""
    counts = column.value_counts()
    return {name: int(counts[name]) for name in order if name in counts}


def _manifest(
    plan: dict[str, Any],
    options: PrepareOptions,
    directory: Path,
    songs: pd.DataFrame,
    shards: Sequence[Shard],
) -> dict[str, Any]:
    tables = {name: file_fingerprint(directory / name) for name in (SONGS, METADATA)}
    return {
        **plan,
        "sources": {
            "spectrograms": str(options.spectrograms.resolve()),
            "tracks": [str(path.resolve()) for path in options.tracks],
        },
        "seed": options.split.seed,
        "fingerprints": {**plan["fingerprints"], **tables},
        "shards": [
            {
                "file": shard.path.relative_to(directory).as_posix(),
                "split": shard.split,
                "songs": int(shard.songs.file.isin(songs.file).sum()),
            }
            for shard in shards
        ],
    }
