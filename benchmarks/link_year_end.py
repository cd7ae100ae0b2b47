"""Select the rows of a table of tracks that the songs of a year-end chart are linked to.

    python benchmarks/link_year_end.py --year-end year_end.csv --tracks tracks.csv --out linked.csv

The spectrogram data set holds such songs. This draws spectrograms of 4,300 of them:

    songpop-tf sample rendered --songs 4300 --tracks linked.csv
"""

import argparse
from pathlib import Path

import pandas as pd
from linkage import spectrogram_files

from pipelines.io import write_csv
from pipelines.linkage.record_linkage import link_records
from pipelines.tables.tracks import read_tracks

FIRST_DATA_LINE = 2
"""Line 1 of a CSV file is the header."""


def main() -> None:
    """Link the chart and copy the linked rows unchanged."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--year-end", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tracks, _ = read_tracks([options.tracks])
    chart = pd.read_csv(options.year_end, keep_default_na=False)
    links = link_records(spectrogram_files(chart), tracks)
    lines = tracks.loc[sorted(set(links.track[links.track >= 0])), "row"]
    table = pd.read_csv(options.tracks, keep_default_na=False, dtype=str)
    write_csv(options.out, table.iloc[lines.to_numpy() - FIRST_DATA_LINE])
    print(f"{len(lines):,} songs: {options.out}")


if __name__ == "__main__":
    main()
