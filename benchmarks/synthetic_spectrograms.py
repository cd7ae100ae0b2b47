"""Statistics of synthetic spectrograms beside those of real recordings.

    python benchmarks/synthetic_spectrograms.py --spectrograms real/spectrograms --tracks tracks.csv

Songs are synthesized from rows of --tracks. Compared are the gray levels, the share of black
pixels, the mean level of eight bands of frequencies and the autocorrelation along both axes, each
the mean over spectrograms. Real recordings are expected to be excerpts: of synthetic songs, the
seconds that are faded in and out are left out. --figure draws four of each.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from result_table import Row, print_table
from timing import log

from pipelines.audio.grayscale import Pixels
from pipelines.audio.synchrosqueezing import COLUMNS_PER_SECOND, ROW_HERTZ
from pipelines.synthetic import write_sample

SECONDS = 12.0
FADED = slice(150, -300)
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
BANDS = 8
ROW_LAGS = (1, 2, 3, 4)
COLUMN_LAGS = (1, 2, 5, 10, 20, 50, 100)
SHOWN, SHOWN_COLUMNS = 4, 1200


def read_images(folder: Path, count: int) -> list[Pixels]:
    """Random spectrograms of a folder."""
    files = sorted(folder.rglob("*.png"))
    order = np.random.default_rng(0).permutation(len(files))[:count]
    return [np.asarray(Image.open(files[index])) for index in order]


def statistics(image: Pixels) -> dict[str, float]:
    """All statistics of one spectrogram ``(256, columns)``."""
    levels = image.astype(np.float32)
    values = {f"gray level, {q:.0%} quantile": float(np.quantile(levels, q)) for q in QUANTILES}
    values["share of black pixels"] = float(np.mean(levels == 0))
    edges = ROW_HERTZ[:: len(ROW_HERTZ) // BANDS]
    bands = levels[::-1].reshape(BANDS, -1, levels.shape[1]).mean(axis=(1, 2))
    for hertz, level in zip(edges, bands, strict=True):
        values[f"mean level from {hertz:,.0f} Hz"] = float(level)
    for lag in ROW_LAGS:
        values[f"autocorrelation, {lag} rows"] = autocorrelation(levels, lag)
    for lag in COLUMN_LAGS:
        milliseconds = 1000 * lag // COLUMNS_PER_SECOND
        values[f"autocorrelation, {milliseconds} ms"] = autocorrelation(levels.T, lag)
    return values


def autocorrelation(levels: NDArray[np.float32], lag: int) -> float:
    """Autocorrelation along the first axis."""
    centered = levels - levels.mean()
    return float((centered[lag:] * centered[:-lag]).mean() / centered.var())


def mean_statistics(images: list[Pixels]) -> dict[str, float]:
    """The mean of each statistic over spectrograms."""
    rows = [statistics(image) for image in images]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def draw(real: list[Pixels], synthetic: list[Pixels], path: Path) -> None:
    """Draw real spectrograms at the left and synthetic ones at the right."""
    figure = Figure(figsize=(14, 2.2 * SHOWN), layout="constrained")
    axes = figure.subplots(SHOWN, 2)
    for column, (title, images) in enumerate((("real", real), ("synthetic", synthetic))):
        axes[0, column].set_title(f"{title}, {SHOWN_COLUMNS / COLUMNS_PER_SECOND:.0f} s each")
        for axis, image in zip(axes[:, column], images, strict=False):
            # The square root shows the faint pixels, which are most of them.
            axis.imshow(np.sqrt(image[:, :SHOWN_COLUMNS] / 255), "gray", aspect="auto")
            axis.set_xticks([])
            axis.set_yticks([0, 255], ["12 kHz", "30 Hz"])
    figure.savefig(path, dpi=100)


def main() -> None:
    """Synthesize, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--spectrograms", type=Path, required=True, help="of real recordings")
    parser.add_argument("--tracks", type=Path, required=True, help="rows to synthesize")
    parser.add_argument("--songs", type=int, default=200)
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    options = parser.parse_args()
    real = read_images(options.spectrograms, options.songs)
    with tempfile.TemporaryDirectory() as folder:
        log(f"synthesizing {options.songs} songs")
        write_sample(Path(folder), options.songs, seconds=SECONDS, tracks=options.tracks)
        images = read_images(Path(folder) / "spectrograms", options.songs)
    synthetic = [image[:, FADED] for image in images]
    if options.figure is not None:
        draw(real, synthetic, options.figure)
    expected, received = mean_statistics(real), mean_statistics(synthetic)
    print_table(
        [
            Row(
                name,
                f"{received[name]:.3g}",
                f"{expected[name]:.3g}",
                received[name] / expected[name],
                minimum=0.7,
                maximum=1.3,
            )
            for name in expected
        ]
    )


if __name__ == "__main__":
    main()
