"""The rows of a table of tracks that the songs of a year-end chart are linked to.

    python benchmarks/year_end.py --year-end year_end.csv --tracks tracks.csv --out linked.csv

Such songs are what the spectrogram set holds. This draws so many of them:

    songpop-tf sample rendered --songs 4300 --tracks linked.csv
"""

import argparse
from pathlib import Path

import pandas as pd
from linkage import files_of

from pipelines.files import write_csv
from pipelines.kaggle import read_tracks
from pipelines.linkage import link


def main() -> None:
    """Link the chart and copy the rows as they stand in the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--year-end", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tracks, _ = read_tracks([options.tracks])
    links = link(files_of(pd.read_csv(options.year_end, keep_default_na=False)), tracks)
    lines = tracks.loc[sorted(set(links.track[links.track >= 0])), "row"]
    # The first row of data stands on line 2.
    table = pd.read_csv(options.tracks, keep_default_na=False, dtype=str)
    write_csv(options.out, table.iloc[lines.to_numpy() - 2])
    print(f"{len(lines):,} songs: {options.out}")


if __name__ == "__main__":
    main()
