"""Third step of a preparation: songs, pre-training set, and what is held out of it."""

from dataclasses import dataclass

import pandas as pd

from pipelines.config import SplitConfig
from pipelines.linkage.deduplication import is_version_of_any
from pipelines.linkage.record_linkage import UNMATCHED
from pipelines.linked_songs import LinkedSongs
from pipelines.quarantine import ANOTHER_VERSION, EXCLUSION_REASONS, HELD_OUT, TOO_FEW_ROWS
from pipelines.splits import EXCLUDED, MIN_ROWS, split_metadata, split_songs


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
    metadata = tracks.loc[splits.index, tracks.columns.drop("artists")].assign(split=splits)
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
