"""Share of the songs of a year-end chart that are linked to a table of tracks, and speed.

    python benchmarks/linkage.py --year-end year_end.csv --tracks tracks.csv --show 50

The year-end table has the columns year, artist and title. Its songs are linked by the names that
their spectrogram files would have; no spectrograms are needed. `--show` prints random links and
unmatched songs: precision and recall can only be estimated by reading them.
"""

import argparse
import re
import time
from pathlib import Path

import pandas as pd

from pipelines.linkage.deduplication import is_version_of_any, song_groups
from pipelines.linkage.record_linkage import FUZZY, KINDS, SUBTITLE, UNMATCHED, link_records
from pipelines.tables.tracks import read_tracks

# Not allowed in file names: by Windows, and '/' by every system.
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')


def spectrogram_files(year_end: pd.DataFrame) -> pd.DataFrame:
    """The table that `find_spectrograms` would return for spectrograms of these songs."""
    names = [
        _FORBIDDEN.sub("_", f"{artist}_-_{title}".replace(" ", "_"))
        for artist, title in zip(year_end["artist"], year_end["title"], strict=True)
    ]
    return pd.DataFrame(
        {
            "file": [
                f"{year}/{name}.png" for year, name in zip(year_end["year"], names, strict=True)
            ],
            "year": year_end["year"],
            "name": [name.replace("_", " ") for name in names],
        }
    )


def exact_merge_share(year_end: pd.DataFrame, tracks: pd.DataFrame) -> float:
    """The share of songs that a merge of the tables on artist and title would find."""
    known = set(zip(tracks["artist"], tracks["title"], strict=True))
    songs = zip(year_end["artist"], year_end["title"], strict=True)
    return sum(song in known for song in songs) / len(year_end)


def show(links: pd.DataFrame, kinds: list[str], count: int) -> None:
    """Print `count` random rows of each kind."""
    for kind in kinds:
        rows = links[links["kind"] == kind]
        rows = rows.sample(min(count, len(rows)), random_state=0).sort_index()
        print(f"\n{kind}:")
        for row in rows.itertuples():
            match = f"{row.matched_artist} - {row.matched_title} ({row.matched_year})"
            print(f"  {row.year} {row.artist} - {row.title}")
            print(f"      {row.reason if kind == UNMATCHED else f'{row.score:.0f} {match}'}")


def main() -> None:
    """Link the songs and print shares and times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--year-end", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--show", type=int, default=0, metavar="N")
    options = parser.parse_args()

    year_end = pd.read_csv(options.year_end, keep_default_na=False)
    started = time.perf_counter()
    tracks, rejects = read_tracks(options.tracks)
    print(f"read {len(tracks):,} tracks, rejected {len(rejects):,}: {_elapsed(started)}")

    started = time.perf_counter()
    links = link_records(spectrogram_files(year_end), tracks)
    print(f"linked {len(links):,} files: {_elapsed(started)}")
    for kind in KINDS:
        print(f"  {kind:12} {(links['kind'] == kind).mean():7.2%}")
    print(f"  {'exact merge':12} {exact_merge_share(year_end, tracks):7.2%}")

    started = time.perf_counter()
    songs = tracks.loc[links.loc[links["track"] >= 0, "track"]]
    versions = is_version_of_any(tracks, songs)
    print(f"is_version_of_any: {versions.sum():,} of {len(tracks):,} tracks: {_elapsed(started)}")
    started = time.perf_counter()
    print(f"song_groups: {song_groups(tracks).nunique():,} songs: {_elapsed(started)}")
    if options.show:
        show(links, [SUBTITLE, FUZZY, UNMATCHED], options.show)


def _elapsed(started: float) -> str:
    return f"{time.perf_counter() - started:.1f} s"


if __name__ == "__main__":
    main()
