"""Train, validation and test splits of the songs, and of the pre-training set to match.

Each protocol measures a different generalization: "random", to other songs of known artists;
"artist", to songs of unknown artists; "time", to future songs. A split depends on the seed and on
the content of the rows, not on their order.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.config import SplitProtocol
from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.linkage import normalization
from pipelines.linkage.deduplication import component_labels, credited_artist_keys, song_groups

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)
EXCLUDED = ""
"""Split of the rows that belong to none."""
MIN_ROWS = 2
"""Smallest number of rows of a split."""

# Bounds of a validation or test split, relative to its requested size. Artists and years are not
# divided between splits, so the requested size cannot always be met.
_MIN_RATIO, _MAX_RATIO = 0.5, 2.0


def split_songs(
    songs: pd.DataFrame, protocol: SplitProtocol, seed: int, validation: float, test: float
) -> "pd.Series[str]":
    """Assign the songs to train, validation and test.

    random: all versions of a song are in one split.

    artist: no credited artist is in two splits, including featured artists and the members of duos
    ('A & B'). Songs are assigned by their first artist; training songs that also credit an artist
    of validation or test songs, and validation songs that also credit one of test songs, are
    excluded. (Assigning connected components of collaborating artists instead would give the
    largest component, most of today's artists, to train, and test only on artists of the past.)

    time: the oldest songs are train, the newest test; the songs of a year stay together.

    Args:
        songs: columns title (str), artists (tuple of str), year (int).
        protocol: see above.
        seed: a different seed gives a different split (not with time).
        validation: fraction of the songs, between 0 and 1.
        test: fraction of the songs, between 0 and 1; below 1 together with `validation`.

    Returns:
        "train", "validation", "test" or "" (excluded), with the index of `songs`.

    Raises:
        InputError: the protocol or a fraction is invalid, the year of a song is unknown (time), or
            there are too few songs, artists or years for the requested fractions.
    """
    _check_protocol(protocol)
    if min(validation, test) <= 0 or validation + test >= 1:
        raise InputError(
            "split: expected validation and test fractions above 0 with a sum below 1, received "
            f"{validation} and {test}"
        )
    requested = {
        VALIDATION: _requested_size(validation, len(songs)),
        TEST: _requested_size(test, len(songs)),
    }
    if protocol == "time":
        splits = _split_by_year(songs["year"].to_numpy(), requested)
    elif protocol == "artist":
        splits = _split_by_first_artist(songs, seed, requested)
    else:
        splits = _assign_groups(_row_keys(songs), _song_group_labels(songs), seed, requested)
    _check_sizes(splits, SPLITS, requested, f"songs split by {protocol}")
    return pd.Series(splits, index=songs.index, name="split", dtype=str)


def split_metadata(
    metadata: pd.DataFrame,
    songs: pd.DataFrame,
    protocol: SplitProtocol,
    seed: int,
    validation: float,
) -> "pd.Series[str]":
    """Assign the pre-training set so that pre-training sees nothing that the songs hold out.

    random: by song, to train and validation.

    artist: rows that credit an artist of the songs belong to that artist's split, rows that credit
    artists of two splits are excluded; the others are assigned by connected components of artists.

    time: rows up to the last year of the training songs are train, up to the last year of the
    validation songs validation, later ones test; rows of unknown year are excluded.

    Args:
        metadata: columns title (str), artists (tuple of str), year (int, 0 = unknown); without the
            songs themselves (see `is_version_of_any`).
        songs: the same columns and split, from `split_songs` with the same protocol; excluded
            songs are ignored.
        protocol: see above.
        seed: a different seed gives a different split (not with time).
        validation: fraction of the rows that the songs do not determine, between 0 and 1.

    Returns:
        "train", "validation", "test" (not for pre-training) or "" (excluded), with the index of
        `metadata`.

    Raises:
        InputError: the protocol or the fraction is invalid, or train or validation has too few
            rows.
    """
    _check_protocol(protocol)
    if not 0 < validation < 1:
        raise InputError(
            f"split: expected a validation fraction between 0 and 1, received {validation}"
        )
    if protocol == "time":
        splits = _split_by_years_of(songs, metadata["year"].to_numpy())
    elif protocol == "artist":
        splits = _split_by_artists_of(songs, metadata, seed, validation)
    else:
        splits = _assign_validation(metadata, _song_group_labels(metadata), seed, validation)
    what = f"rows of the pre-training set split by {protocol}"
    _check_sizes(splits, (TRAIN, VALIDATION), {}, what)
    return pd.Series(splits, index=metadata.index, name="split", dtype=str)


def _check_protocol(protocol: str) -> None:
    protocols = get_args(SplitProtocol)
    if protocol not in protocols:
        raise InputError(f"split: expected one of {', '.join(protocols)}, received {protocol!r}")


def _requested_size(fraction: float, rows: int) -> int:
    return max(MIN_ROWS, round(fraction * rows))


def _check_sizes(
    splits: npt.NDArray[np.object_],
    required: Sequence[str],
    requested: Mapping[str, int],
    what: str,
) -> None:
    """Raise an `InputError` if a required split is too small, or too far from its request."""
    counts = {split: int((splits == split).sum()) for split in required}
    large_enough = all(count >= MIN_ROWS for count in counts.values())
    as_requested = all(
        _MIN_RATIO * size <= counts[split] <= max(_MAX_RATIO * size, size + MIN_ROWS)
        for split, size in requested.items()
    )
    if large_enough and as_requested:
        return
    expected = [f"at least {MIN_ROWS} in each split"]
    expected += [f"about {size} {split}" for split, size in requested.items()]
    received = [f"{count} {split}" for split, count in counts.items()]
    received += [f"{int((splits == EXCLUDED).sum())} excluded"]
    raise InputError(
        f"{len(splits)} {what}: expected {', '.join(expected)}, received {', '.join(received)}; "
        "more songs are needed, or artists and years that can be separated"
    )


def _song_group_labels(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    labels: npt.NDArray[np.int64] = np.asarray(song_groups(table), dtype=np.int64)
    return labels


def _split_by_first_artist(
    songs: pd.DataFrame, seed: int, requested: Mapping[str, int]
) -> npt.NDArray[np.object_]:
    credits = [credited_artist_keys(artists) for artists in songs["artists"]]
    first_artists = [credit[0] for credit in credits]
    groups = component_labels([artist] for artist in first_artists)
    splits = _assign_groups(first_artists, groups, seed, requested)
    # Test keeps all its songs: validation gives way to test, and train to both.
    _exclude_shared_artists(splits, credits, VALIDATION, {TEST})
    _exclude_shared_artists(splits, credits, TRAIN, {VALIDATION, TEST})
    return splits


def _exclude_shared_artists(
    splits: npt.NDArray[np.object_],
    credits: Sequence[Sequence[str]],
    split: str,
    other_splits: Collection[str],
) -> None:
    """Exclude, in place, the rows of a split that credit an artist of the other splits."""
    artists_of_others = {
        artist
        for row, credit in enumerate(credits)
        if splits[row] in other_splits
        for artist in credit
    }
    for row, credit in enumerate(credits):
        if splits[row] == split and not artists_of_others.isdisjoint(credit):
            splits[row] = EXCLUDED


def _assign_groups(
    row_keys: Iterable[str],
    groups: npt.NDArray[np.int64],
    seed: int,
    requested: Mapping[str, int],
) -> npt.NDArray[np.object_]:
    """Assign whole groups, in pseudorandom order, to the requested splits; the rest is train.

    A group goes to the split with the smallest filled fraction among those with room for it.

    Args:
        row_keys: a text for each row that does not depend on the order of the rows.
        groups: label of each row's group, 0 to the number of groups - 1.
        seed: determines the order of the groups.
        requested: number of rows of each split besides train.
    """
    sizes = np.bincount(groups)
    shuffled = np.argsort(_shuffle_keys(seed, row_keys, groups, sizes), kind="stable")
    filled = dict.fromkeys(requested, 0)
    group_splits = np.full(len(sizes), TRAIN, dtype=object)
    for group in shuffled:
        with_room = [
            split for split, size in requested.items() if filled[split] + sizes[group] <= size
        ]
        if with_room:
            split = min(with_room, key=lambda name: filled[name] / requested[name])
            group_splits[group] = split
            filled[split] += int(sizes[group])
    row_splits: npt.NDArray[np.object_] = group_splits[groups]
    return row_splits


def _row_keys(table: pd.DataFrame) -> Iterator[str]:
    columns = (table["title"], table["artists"], table["year"])
    for title, artists, year in zip(*columns, strict=True):
        yield "\n".join(
            (*sorted(credited_artist_keys(artists)), normalization.title_key(title), str(year))
        )


def _shuffle_keys(
    seed: int,
    row_keys: Iterable[str],
    groups: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Return a pseudorandom number for each group, from the first of its row keys.

    The keys of single rows are not kept: those of millions would need more memory than the rows.
    """
    keys = np.empty(len(sizes), np.uint64)
    first_keys: dict[int, str] = {}
    for group, key in zip(groups, row_keys, strict=True):
        if sizes[group] == 1:
            keys[group] = _shuffle_key(seed, key)
        else:
            first_keys[group] = min(key, first_keys.get(group, key))
    for group, key in first_keys.items():
        keys[group] = _shuffle_key(seed, key)
    return keys


def _shuffle_key(seed: int, key: str) -> int:
    # A hash instead of a generator: independent of the order and the number of the other groups.
    digest = hashlib.sha256(f"{seed}\n{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _assign_validation(
    table: pd.DataFrame, groups: npt.NDArray[np.int64], seed: int, validation: float
) -> npt.NDArray[np.object_]:
    requested = {VALIDATION: _requested_size(validation, len(table))}
    return _assign_groups(_row_keys(table), groups, seed, requested)


def _split_by_artists_of(
    songs: pd.DataFrame, metadata: pd.DataFrame, seed: int, validation: float
) -> npt.NDArray[np.object_]:
    split_of_artist: dict[str, str] = {
        artist: split
        for artists, split in zip(songs["artists"], songs["split"], strict=True)
        for artist in credited_artist_keys(artists)
        if split != EXCLUDED
    }
    credits = [credited_artist_keys(artists) for artists in metadata["artists"]]
    splits = np.full(len(metadata), EXCLUDED, dtype=object)
    undetermined = np.zeros(len(metadata), dtype=bool)
    for row, credit in enumerate(credits):
        credited_splits = {split_of_artist[key] for key in credit if key in split_of_artist}
        undetermined[row] = not credited_splits
        if len(credited_splits) == 1:
            splits[row] = credited_splits.pop()
    components = component_labels(credit for row, credit in enumerate(credits) if undetermined[row])
    splits[undetermined] = _assign_validation(metadata[undetermined], components, seed, validation)
    # An artist of none of the songs may be credited beside a validation or test artist in one row,
    # and in a row of another split elsewhere.
    _exclude_shared_artists(splits, credits, VALIDATION, {TRAIN})
    _exclude_shared_artists(splits, credits, TEST, {TRAIN, VALIDATION})
    return splits


def _split_by_year(
    years: npt.NDArray[np.int64], requested: Mapping[str, int]
) -> npt.NDArray[np.object_]:
    unknown = int((years == UNKNOWN_YEAR).sum())
    if unknown:
        raise InputError(
            f"split by time: expected the year of every song, received {unknown} without a year"
        )
    splits = np.full(len(years), TRAIN, dtype=object)
    for split in (TEST, VALIDATION):
        remaining = years[splits == TRAIN]
        if remaining.size:
            first_year = _first_year(remaining, requested[split])
            splits[(splits == TRAIN) & (years >= first_year)] = split
    return splits


def _first_year(years: npt.NDArray[np.int64], size: int) -> int:
    """Return the year from which on the number of songs is closest to `size`."""
    distinct = np.unique(years)
    counts = np.array([(years >= year).sum() for year in distinct])
    return int(distinct[np.argmin(np.abs(counts - size))])


def _split_by_years_of(
    songs: pd.DataFrame, years: npt.NDArray[np.int64]
) -> npt.NDArray[np.object_]:
    last_years = songs.groupby("split")["year"].max()
    splits = np.full(len(years), TEST, dtype=object)
    splits[years <= last_years[VALIDATION]] = VALIDATION
    splits[years <= last_years[TRAIN]] = TRAIN
    splits[years == UNKNOWN_YEAR] = EXCLUDED
    return splits
