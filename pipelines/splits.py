"""Splits of the songs and of the large metadata table, decided together.

Three protocols answer three questions: "random", how well songs are predicted whose artists are
known; "artist", songs of artists never seen; "time", songs of the future. A split depends on the
seed and on what the rows say, not on their order.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines import names
from pipelines.errors import InputError
from pipelines.songs import components, credited_names, song_groups
from songpop_tf.config import SplitProtocol

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SIDES = (TRAIN, VALIDATION, TEST)
LEFT_OUT = ""

# A side must hold so many rows to say anything, and a held-out side so much of what was asked for:
# groups that cannot be parted, artists and years, make it smaller or larger.
FEWEST = 2
_LEAST, _MOST = 0.5, 2.0


def split_songs(
    songs: pd.DataFrame, protocol: SplitProtocol, seed: int, validation: float, test: float
) -> "pd.Series[str]":
    """Deal the songs to train, validation and test.

    random: all versions of a song stand on one side. artist: no credited artist stands on two
    sides, featured artists and those of duos ('A & B') included. The songs are dealt by their first
    artist; those that also credit an artist of test songs, or of validation songs while they
    would train, are left out. (Dealing together all artists who ever sang together would leave the
    largest circle, most of today's artists, to train, and test on the artists of old.) time: the
    oldest songs train, the newest test; the songs of a year stay together.

    Args:
        songs: columns title (str), artists (tuple of str), year (int).
        protocol: see above.
        seed: another number deals another split (not by time).
        validation: share of the songs, between 0 and 1.
        test: share of the songs; with `validation` it must leave some to train on.

    Returns:
        "train", "validation", "test" or "" (left out), with the index of `songs`.

    Raises:
        InputError: a share or the protocol is impossible, a song has no year (time), or there are
            too few songs, artists or years for the shares asked for.
    """
    _check_protocol(protocol)
    if min(validation, test) <= 0 or validation + test >= 1:
        raise InputError(
            "expected validation and test shares above 0 that together stay below 1, received "
            f"{validation} and {test}"
        )
    wanted = {
        VALIDATION: max(FEWEST, round(validation * len(songs))),
        TEST: max(FEWEST, round(test * len(songs))),
    }
    if protocol == "time":
        sides = _by_time(songs["year"].to_numpy(), wanted)
    elif protocol == "artist":
        sides = _by_first_artist(songs, seed, wanted)
    else:
        sides = _deal(_row_keys(songs), _song_numbers(songs), seed, wanted)
    _check_sides(sides, (TRAIN, VALIDATION, TEST), wanted, f"songs split by {protocol}")
    return pd.Series(sides, index=songs.index, name="split", dtype=str)


def split_metadata(
    metadata: pd.DataFrame,
    songs: pd.DataFrame,
    protocol: SplitProtocol,
    seed: int,
    validation: float,
) -> "pd.Series[str]":
    """Deal the large table so that pre-training sees nothing that is held out in the songs.

    random: by song, to train and validation. artist: rows with an artist of the songs take that
    artist's side, rows with artists of two sides are left out, the others are dealt by circles of
    artists. time: years up to the last of the training songs train, up to the last of the
    validation songs validate, later ones are test; rows without a year are left out.

    Args:
        metadata: columns title (str), artists (tuple of str), year (int, 0 = unknown); without the
            songs themselves (see `same_song`).
        songs: the same columns and split, as `split_songs` dealt them by the same protocol; those
            left out have no say.
        protocol: see above.
        seed: another number deals another split (not by time).
        validation: share of the rows that the songs do not decide on, between 0 and 1.

    Returns:
        "train", "validation", "test" (not to be used in pre-training) or "" (left out), with the
        index of `metadata`.

    Raises:
        InputError: the share or the protocol is impossible, or train or validation is left with
            too few rows.
    """
    _check_protocol(protocol)
    if not 0 < validation < 1:
        raise InputError(f"expected a validation share between 0 and 1, received {validation}")
    if protocol == "time":
        sides = _by_years_of(songs, metadata["year"].to_numpy())
    elif protocol == "artist":
        sides = _by_artists_of(songs, metadata, seed, validation)
    else:
        sides = _deal_validation(metadata, _song_numbers(metadata), seed, validation)
    _check_sides(sides, (TRAIN, VALIDATION), {}, f"rows of the large table split by {protocol}")
    return pd.Series(sides, index=metadata.index, name="split", dtype=str)


def _check_protocol(protocol: str) -> None:
    if protocol not in get_args(SplitProtocol):
        expected = ", ".join(get_args(SplitProtocol))
        raise InputError(f"expected a split by one of {expected}, received {protocol!r}")


def _check_sides(
    sides: npt.NDArray[np.object_],
    needed: Sequence[str],
    wanted: Mapping[str, int],
    what: str,
) -> None:
    counts = {side: int((sides == side).sum()) for side in needed}
    fits = all(count >= FEWEST for count in counts.values()) and all(
        _LEAST * number <= counts[side] <= max(_MOST * number, number + FEWEST)
        for side, number in wanted.items()
    )
    if not fits:
        listed = [*counts.items(), ("left out", int((sides == LEFT_OUT).sum()))]
        found = ", ".join(f"{count} {side}" for side, count in listed)
        asked = ", ".join(f"about {number} {side}" for side, number in wanted.items())
        raise InputError(
            f"{len(sides)} {what} gave {found}; expected at least {FEWEST} on each side"
            f"{f', {asked}' if asked else ''}: more songs, or artists and years that can be "
            "parted, are needed"
        )


def _song_numbers(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = np.asarray(song_groups(table), dtype=np.int64)
    return numbers


def _by_first_artist(
    songs: pd.DataFrame, seed: int, wanted: Mapping[str, int]
) -> npt.NDArray[np.object_]:
    credits = [credited_names(artists) for artists in songs["artists"]]
    first_artists = [credit[0] for credit in credits]
    sides = _deal(first_artists, components([name] for name in first_artists), seed, wanted)
    _leave_out_shared(sides, credits, VALIDATION, {TEST})
    _leave_out_shared(sides, credits, TRAIN, {VALIDATION, TEST})
    return sides


def _leave_out_shared(
    sides: npt.NDArray[np.object_],
    credits: Sequence[Sequence[str]],
    side: str,
    others: Collection[str],
) -> None:
    """Take from a side, in place, the rows that credit an artist of the other sides."""
    theirs = {name for row, credit in enumerate(credits) if sides[row] in others for name in credit}
    for row, credit in enumerate(credits):
        if sides[row] == side and not theirs.isdisjoint(credit):
            sides[row] = LEFT_OUT


def _deal(
    keys_of_rows: Sequence[str],
    groups: npt.NDArray[np.int64],
    seed: int,
    wanted: Mapping[str, int],
) -> npt.NDArray[np.object_]:
    """Deal shuffled groups to the held-out side that lacks most and has room; the rest trains."""
    sizes = np.bincount(groups)
    keys = pd.Series(keys_of_rows, dtype=object).groupby(groups).min().to_list()
    shuffled = sorted(range(len(sizes)), key=lambda group: _shuffling(seed, keys[group]))
    dealt = dict.fromkeys(wanted, 0)
    side_of = np.full(len(sizes), TRAIN, dtype=object)
    for group in shuffled:
        roomy = [side for side in wanted if dealt[side] + sizes[group] <= wanted[side]]
        if roomy:
            side = min(roomy, key=lambda one: dealt[one] / wanted[one])
            side_of[group] = side
            dealt[side] += int(sizes[group])
    dealt_sides: npt.NDArray[np.object_] = side_of[groups]
    return dealt_sides


def _row_keys(table: pd.DataFrame) -> list[str]:
    columns = (table["title"], table["artists"], table["year"])
    return [
        "\n".join((*sorted(credited_names(artists)), names.title_key(title), str(year)))
        for title, artists, year in zip(*columns, strict=True)
    ]


def _shuffling(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{key}".encode()).digest()


def _deal_validation(
    table: pd.DataFrame, groups: npt.NDArray[np.int64], seed: int, validation: float
) -> npt.NDArray[np.object_]:
    wanted = {VALIDATION: max(FEWEST, round(validation * len(table)))}
    return _deal(_row_keys(table), groups, seed, wanted)


def _by_artists_of(
    songs: pd.DataFrame, metadata: pd.DataFrame, seed: int, validation: float
) -> npt.NDArray[np.object_]:
    sides_of: dict[str, str] = {
        name: side
        for artists, side in zip(songs["artists"], songs["split"], strict=True)
        for name in credited_names(artists)
        if side != LEFT_OUT
    }
    credits = [credited_names(artists) for artists in metadata["artists"]]
    sides = np.full(len(metadata), LEFT_OUT, dtype=object)
    free = np.zeros(len(metadata), dtype=bool)
    for row, credit in enumerate(credits):
        touched = {sides_of[name] for name in credit if name in sides_of}
        free[row] = not touched
        if len(touched) == 1:
            sides[row] = touched.pop()
    circles = components(credit for row, credit in enumerate(credits) if free[row])
    sides[free] = _deal_validation(metadata[free], circles, seed, validation)
    # An artist of none of the songs may stand beside a validation or test artist in one row, and
    # among the rows of another side in another.
    _leave_out_shared(sides, credits, VALIDATION, {TRAIN})
    _leave_out_shared(sides, credits, TEST, {TRAIN, VALIDATION})
    return sides


def _by_time(years: npt.NDArray[np.int64], wanted: Mapping[str, int]) -> npt.NDArray[np.object_]:
    unknown = int((years == 0).sum())
    if unknown:
        raise InputError(f"a split by time needs the year of every song, {unknown} have none")
    sides = np.full(len(years), TRAIN, dtype=object)
    for side in (TEST, VALIDATION):
        rest = years[sides == TRAIN]
        if rest.size:
            sides[(sides == TRAIN) & (years >= _first_year(rest, wanted[side]))] = side
    return sides


def _first_year(years: npt.NDArray[np.int64], wanted: int) -> int:
    """The year from which on the number of songs comes nearest to what is wanted."""
    distinct = np.unique(years)
    counts = np.array([(years >= year).sum() for year in distinct])
    return int(distinct[np.argmin(np.abs(counts - wanted))])


def _by_years_of(songs: pd.DataFrame, years: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    last = songs.groupby("split")["year"].max()
    sides = np.full(len(years), TEST, dtype=object)
    sides[years <= last[VALIDATION]] = VALIDATION
    sides[years <= last[TRAIN]] = TRAIN
    sides[years == 0] = LEFT_OUT
    return sides
