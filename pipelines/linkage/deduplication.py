"""Find rows that are the same song in any spelling, so that no song is in two splits."""

import re
from array import array
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import fuzz, process
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.linkage import normalization
from pipelines.linkage.similarity import artist_similarity, strip_spaces, strip_title_spaces

# Lowest similarities (0-100) at which rows count as one song: of titles by the same artist, and of
# artists of the same title. Low, because excluding too many rows is harmless.
_MIN_TITLE_SIMILARITY, _MIN_ARTIST_SIMILARITY = 85.0, 80.0

_TRAILING_PART = re.compile(r" part(?: \d+)?(?: and \d+)?$")


def component_labels(keys_of_rows: Iterable[Iterable[Hashable]]) -> npt.NDArray[np.int64]:
    """Label the connected components of rows that share a key, directly or through other rows.

    Returns:
        One label per row, from 0 in the order of appearance.
    """
    # A bipartite graph: the nodes are the rows, then the keys; each edge is a key of a row. Keys
    # are compared by their hash: those of millions of rows need more memory than the rows.
    edge_rows, hashes = array("i"), array("q")
    row_count = 0
    for row, keys in enumerate(keys_of_rows):
        row_count = row + 1
        for key in keys:
            edge_rows.append(row)
            hashes.append(hash(key))
    edge_keys, different_keys = pd.factorize(np.asarray(hashes, np.int64))
    size = row_count + len(different_keys)
    del hashes, different_keys
    edge_keys += row_count
    coordinates = (np.asarray(edge_rows, np.int32), edge_keys.astype(np.int32))
    del edge_keys
    edges = coo_array((np.ones(len(coordinates[0]), np.int8), coordinates), shape=(size, size))
    _, components = connected_components(edges, directed=False)
    labels: npt.NDArray[np.int64] = pd.factorize(components[:row_count])[0].astype(np.int64)
    return labels


def credited_artist_keys(artists: Iterable[str]) -> tuple[str, ...]:
    """Return the keys, without spaces, of all artists of several credits, without repetition."""
    names = (name for artist in artists for name in normalization.artist_names(artist))
    return tuple(dict.fromkeys(strip_spaces(name) for name in names))


def song_groups(tracks: pd.DataFrame) -> "pd.Series[int]":
    """Number the songs: rows that are the same song, in any version, share a number.

    The same song: an artist credited by both, and the same title key without subtitles and
    'Part 1'. Coarse on purpose: two songs in one group are harmless, one song in two groups leaks.

    Args:
        tracks: columns title (str) and artists (tuple of str).

    Returns:
        The numbers, from 0 in the order of appearance, with the index of `tracks`.
    """
    keys = (
        [(name, strip_title_spaces(_main_title(title))) for name in credited_artist_keys(artists)]
        for title, artists in zip(tracks["title"], tracks["artists"], strict=True)
    )
    return pd.Series(component_labels(keys), index=tracks.index, name="group")


def is_version_of_any(tracks: pd.DataFrame, songs: pd.DataFrame) -> "pd.Series[bool]":
    """Find the rows that are any version, spelling or re-release of one of `songs`.

    Prefers false positives: for an artist credited by both, a similar title is enough, or one
    that is a prefix of the other; for an artist of a similar name, the same title.

    Args:
        tracks: columns title (str) and artists (tuple of str).
        songs: the same columns; one row per known spelling of a song.

    Returns:
        Booleans with the index of `tracks`.
    """
    titles_by_artist: dict[str, set[str]] = {}
    artists_by_title: dict[str, set[str]] = {}
    for title, artists in zip(songs["title"], songs["artists"], strict=True):
        for artist in credited_artist_keys(artists):
            titles_by_artist.setdefault(artist, set()).update(_title_variants(title))
        for variant in _title_variants(title):
            artists_by_title.setdefault(strip_title_spaces(variant), set()).update(
                _artist_variants(artists)
            )
    sorted_titles = {artist: sorted(titles) for artist, titles in titles_by_artist.items()}
    sorted_artists = {title: sorted(names) for title, names in artists_by_title.items()}
    matches = [
        _matches_any_song(title, artists, sorted_titles, sorted_artists)
        for title, artists in zip(tracks["title"], tracks["artists"], strict=True)
    ]
    return pd.Series(matches, index=tracks.index, name="is_version_of_any", dtype=bool)


def _main_title(title: str) -> str:
    return _TRAILING_PART.sub("", normalization.main_title_key(title))


def _title_variants(title: str) -> set[str]:
    """Return the keys of a title: whole, without subtitle, and of both sides of a single."""
    single_sides = [side for side in title.split("/") if side.strip()] if "/" in title else []
    keys = {normalization.title_key(title)}
    keys |= {_main_title(variant) for variant in (title, *single_sides)}
    return {key for key in keys if key}


def _artist_variants(artists: Iterable[str]) -> list[str]:
    """Return the keys of each artist, and of each whole credit."""
    return [
        key
        for artist in artists
        for key in (*normalization.artist_names(artist), normalization.artist_key(artist))
    ]


def _matches_any_song(
    title: str,
    artists: tuple[str, ...],
    titles_by_artist: dict[str, list[str]],
    artists_by_title: dict[str, list[str]],
) -> bool:
    title_variants = _title_variants(title)
    for artist in credited_artist_keys(artists):
        if artist in titles_by_artist and _is_similar_to_any(
            title_variants, titles_by_artist[artist]
        ):
            return True
    same_title = [
        name
        for variant in title_variants
        for name in artists_by_title.get(strip_title_spaces(variant), ())
    ]
    # Most tracks have the title of no song: their artists' keys are not needed.
    return bool(same_title) and (
        artist_similarity(_artist_variants(artists), same_title) >= _MIN_ARTIST_SIMILARITY
    )


def _is_similar_to_any(variants: set[str], titles: list[str]) -> bool:
    compact_titles = [strip_title_spaces(title) for title in titles]
    return any(
        process.extractOne(
            strip_title_spaces(variant),
            compact_titles,
            scorer=fuzz.ratio,
            score_cutoff=_MIN_TITLE_SIMILARITY,
        )
        or any(_is_title_prefix(variant, title) for title in titles)
        for variant in variants
    )


def _is_title_prefix(first: str, second: str) -> bool:
    """Whether one title, of two or more words, is a prefix of the other."""
    short, long = sorted((first, second), key=len)
    return " " in short and f"{long} ".startswith(f"{short} ")
