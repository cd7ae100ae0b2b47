"""Which rows are the same song, however spelt: to keep a song on one side of a split."""

import re
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import fuzz, process
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines import names
from pipelines.similarity import artist_similarity, squash, squash_title

# Of a song that must be excluded: how much titles by the same artist, and artists of the same
# title, may agree (0-100) before the rows count as one song. Low: excluding too much is harmless.
_SIMILAR_TITLE, _SIMILAR_ARTIST = 85.0, 80.0

_PART_AT_END = re.compile(r" part(?: \d+)?(?: and \d+)?$")


def components(keys_of_rows: Iterable[Iterable[Hashable]]) -> npt.NDArray[np.int64]:
    """Number the rows so that rows that share a key, directly or by others, share a number."""
    numbers: dict[Hashable, int] = {}
    rows: list[int] = []
    keys: list[int] = []
    count = 0
    for row, keys_of_row in enumerate(keys_of_rows):
        count = row + 1
        for key in keys_of_row:
            rows.append(row)
            keys.append(numbers.setdefault(key, len(numbers)))
    size = count + len(numbers)
    edges = (np.ones(len(rows), np.int8), (np.array(rows, int), np.array(keys, int) + count))
    _, labels = connected_components(coo_array(edges, shape=(size, size)), directed=False)
    numbered: npt.NDArray[np.int64] = pd.factorize(labels[:count])[0].astype(np.int64)
    return numbered


def credited_names(artists: Iterable[str]) -> tuple[str, ...]:
    """The keys of all single artists of several credits, squashed, without repetition."""
    singles = (key for artist in artists for key in names.artist_names(artist))
    return tuple(dict.fromkeys(squash(key) for key in singles))


def song_groups(tracks: pd.DataFrame) -> "pd.Series[int]":
    """Number the songs: rows that are the same song, in any version, share a number.

    The same song: an artist credited by both, and the same title key without subtitles and
    'Part 1'. Coarse on purpose: two songs in one group harm nothing, one song in two groups leaks.

    Args:
        tracks: columns title (str) and artists (tuple of str).

    Returns:
        The numbers, from 0 in the order of appearance, with the index of `tracks`.
    """
    keys = (
        [(name, squash_title(_main_title(title))) for name in credited_names(artists)]
        for title, artists in zip(tracks["title"], tracks["artists"], strict=True)
    )
    return pd.Series(components(keys), index=tracks.index, name="group")


def same_song(tracks: pd.DataFrame, songs: pd.DataFrame) -> "pd.Series[bool]":
    """Find the rows that are any version, spelling or re-release of one of `songs`.

    Errs on the side of saying yes: by an artist credited by both, a similar title is enough, or
    one that begins with the other; by an artist of a similar name, the same title.

    Args:
        tracks: columns title (str) and artists (tuple of str).
        songs: the same columns; one row per spelling that is known of a song.

    Returns:
        Booleans with the index of `tracks`.
    """
    titles_by_name: dict[str, set[str]] = {}
    names_by_title: dict[str, set[str]] = {}
    for title, artists in zip(songs["title"], songs["artists"], strict=True):
        for name in credited_names(artists):
            titles_by_name.setdefault(name, set()).update(_spellings(title))
        for spelling in _spellings(title):
            whole = (key for artist in artists for key in _artist_keys(artist))
            names_by_title.setdefault(squash_title(spelling), set()).update(whole)
    by_name = {name: sorted(titles) for name, titles in titles_by_name.items()}
    same = [
        _is_one_of(title, artists, by_name, names_by_title)
        for title, artists in zip(tracks["title"], tracks["artists"], strict=True)
    ]
    return pd.Series(same, index=tracks.index, name="same_song", dtype=bool)


def _main_title(title: str) -> str:
    return _PART_AT_END.sub("", names.bare_title_key(title))


def _spellings(title: str) -> set[str]:
    """The keys under which a title may stand: whole, without subtitle, the sides of a single."""
    sides = [side for side in title.split("/") if side.strip()] if "/" in title else []
    keys = {names.title_key(title), *(_main_title(one) for one in (title, *sides))}
    return {key for key in keys if key}


def _artist_keys(artist: str) -> tuple[str, ...]:
    return (*names.artist_names(artist), names.artist_key(artist))


def _is_one_of(
    title: str,
    artists: tuple[str, ...],
    titles_by_name: dict[str, list[str]],
    names_by_title: dict[str, set[str]],
) -> bool:
    spellings = _spellings(title)
    for name in credited_names(artists):
        if name in titles_by_name and _is_similar(spellings, titles_by_name[name]):
            return True
    keys = [key for artist in artists for key in _artist_keys(artist)]
    return any(
        artist_similarity(keys, sorted(names_by_title.get(squash_title(spelling), ())))
        >= _SIMILAR_ARTIST
        for spelling in spellings
    )


def _is_similar(spellings: set[str], titles: list[str]) -> bool:
    squashed = [squash_title(title) for title in titles]
    return any(
        process.extractOne(
            squash_title(spelling), squashed, scorer=fuzz.ratio, score_cutoff=_SIMILAR_TITLE
        )
        or any(_begins(spelling, title) for title in titles)
        for spelling in spellings
    )


def _begins(ours: str, theirs: str) -> bool:
    """Whether one title of two or more words is the beginning of the other."""
    short, long = sorted((ours, theirs), key=len)
    return " " in short and f"{long} ".startswith(f"{short} ")
