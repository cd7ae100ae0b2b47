"""Second step of a preparation: the songs, and the tracks that they are linked to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.io import fingerprint
from pipelines.linkage.normalization import artist_key, title_key, version_tags
from pipelines.linkage.record_linkage import UNMATCHED, link_records
from pipelines.tables.audio_features import read_audio_features
from pipelines.tables.csv_reader import Table


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


def link_songs(
    files: pd.DataFrame,
    tracks: pd.DataFrame,
    tables: Sequence[Table],
    seed: int,
    on_progress: Callable[[int, int], None],
) -> LinkedSongs:
    """Link every file to a track, and collect the songs that are linked.

    Args:
        files: of the songs; columns file, year, name.
        tracks: from `pipelines.tables.tracks.parse_tracks`.
        tables: that they are from, with their audio features.
        seed: determines the order of the songs.
        on_progress: called with the number of linked files and of all files.

    Raises:
        InputError: no file is linked.
    """
    links = link_records(files, tracks, on_progress)
    songs = _songs_table(links, tracks)
    repeated = _is_repeated(songs)
    kept = songs[~repeated].reset_index(drop=True)
    audio_features = read_audio_features(tables, tracks.loc[kept.track])
    kept = pd.concat([kept.drop(columns="track"), audio_features], axis=1)
    # Files are listed by year, and training shuffles the records of a few shards at a time:
    # without this, it would learn one era after the other.
    shuffled = kept.sample(frac=1, random_state=seed).reset_index(drop=True)
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
