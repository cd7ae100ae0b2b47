"""Time and memory of preparing millions of tracks and 20,000 songs.

    python benchmarks/scale.py --tracks tracks.csv --work /big/disk

For each of `--millions`, a table of that many tracks (the given rows, then recombinations of them)
and 20,000 spectrograms of tracks in it go through `songpop-tf prepare`. The images are as small as
allowed: what is measured is reading, linking, deduplicating and splitting the table, whose cost
grows with its rows.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from full_size import Usage, run_sampled
from full_size_inputs import song_files, write_tracks
from PIL import Image
from result_table import Row, print_table
from timing import log, songpop_tf_command

SONGS = 20_000
IMAGE_SHAPE = (256, 64)
MAX_GIGABYTES = 6


def write_small_spectrograms(folder: Path, names: list[Path], rng: np.random.Generator) -> None:
    """Write the same small image under several names."""
    image = folder / "image"
    image.mkdir(parents=True)
    image /= "small.png"
    Image.fromarray(rng.integers(0, 100, IMAGE_SHAPE, dtype="uint8")).save(image)
    for name in names:
        file = folder / "spectrograms" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, file)


def measure(work: Path, tables: list[Path], rows: int, seed: int) -> Usage:
    """Prepare a table of `rows` tracks in an empty folder, which is removed again."""
    rng = np.random.default_rng(seed)
    work.mkdir(parents=True)
    tracks = work / "tracks.csv"
    log(f"{rows:,} tracks")
    write_tracks(tracks, tables, rows, rng)
    write_small_spectrograms(work, song_files(tracks, SONGS, rng), rng)
    folders = ["--spectrograms", work / "spectrograms", "--tracks", tracks, "--out", work / "data"]
    usage = run_sampled([str(songpop_tf_command()), "prepare", *map(str, folders)], None)
    shutil.rmtree(work)
    return usage


def main() -> None:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--work", type=Path, required=True, help="an absent folder; removed")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows, first = [], None
    for millions in options.millions:
        usage = measure(options.work, options.tracks, round(millions * 1e6), options.seed)
        per_million = usage.seconds / millions
        first = first or per_million
        shown = f"{usage.seconds / 60:.1f} min, {usage.peak_memory / 1e9:.2f} GB"
        rows += [
            Row(
                f"{millions:g} million tracks: memory",
                shown,
                "",
                usage.peak_memory / 1e9,
                "GB",
                maximum=MAX_GIGABYTES,
            ),
            Row(
                f"{millions:g} million tracks: seconds a million",
                f"{per_million:.0f} s",
                f"{first:.0f} s at {options.millions[0]:g} million",
                per_million / first,
                maximum=1.1,
            ),
        ]
        print_table(rows[-2:])
    print_table(rows)


if __name__ == "__main__":
    main()
