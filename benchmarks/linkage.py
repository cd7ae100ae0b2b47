"""How many songs of a year-end chart are linked to a table of tracks, how, and how fast.

    python benchmarks/linkage.py --year-end year_end.csv --tracks tracks.csv --show 50

The year-end table has the columns year, artist and title; its songs are turned into the names that
spectrogram files of them would have. No files are needed. `--show` prints links and unmatched songs
for reading: the precision and the recall can only be judged by eye.
"""

import argparse
import re
import time
from pathlib import Path

import pandas as pd

from pipelines.kaggle import read_tracks
from pipelines.linkage import FUZZY, KINDS, SUBTITLE, UNMATCHED, link
from pipelines.songs import same_song, song_groups

# What Windows does not allow in the name of a file; '/' nowhere is.
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')


def files_of(year_end: pd.DataFrame) -> pd.DataFrame:
    """The table `find_spectrograms` would return for files of these songs."""
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
    """The share that merging the tables on artist and title as spelt would find."""
    known = set(zip(tracks["artist"], tracks["title"], strict=True))
    songs = zip(year_end["artist"], year_end["title"], strict=True)
    return sum(song in known for song in songs) / len(year_end)


def show(links: pd.DataFrame, kinds: list[str], count: int) -> None:
    """Print random rows of some kinds."""
    for kind in kinds:
        rows = links[links["kind"] == kind]
        rows = rows.sample(min(count, len(rows)), random_state=0).sort_index()
        print(f"\n{kind}:")
        for row in rows.itertuples():
            found = f"{row.matched_artist} - {row.matched_title} ({row.matched_year})"
            print(f"  {row.year} {row.artist} - {row.title}")
            print(f"      {row.reason if kind == UNMATCHED else f'{row.score:.0f} {found}'}")


def main() -> None:
    """Parse the command line, link, and print the shares and times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--year-end", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--show", type=int, default=0, metavar="N")
    options = parser.parse_args()

    year_end = pd.read_csv(options.year_end, keep_default_na=False)
    started = time.perf_counter()
    tracks, rejects = read_tracks(options.tracks)
    print(f"read {len(tracks):,} tracks, rejected {len(rejects):,}: {_since(started)}")

    started = time.perf_counter()
    links = link(files_of(year_end), tracks)
    print(f"linked {len(links):,} files: {_since(started)}")
    for kind in KINDS:
        print(f"  {kind:12} {(links['kind'] == kind).mean():7.2%}")
    print(f"  {'exact merge':12} {exact_merge_share(year_end, tracks):7.2%}")

    started = time.perf_counter()
    songs = tracks.loc[links.loc[links["track"] >= 0, "track"]]
    excluded = same_song(tracks, songs)
    print(f"same_song: {excluded.sum():,} of {len(tracks):,} tracks: {_since(started)}")
    started = time.perf_counter()
    print(f"song_groups: {song_groups(tracks).nunique():,} songs: {_since(started)}")
    if options.show:
        show(links, [SUBTITLE, FUZZY, UNMATCHED], options.show)


def _since(started: float) -> str:
    return f"{time.perf_counter() - started:.1f} s"


if __name__ == "__main__":
    main()
