"""Make the model that comes with the program, and measure it for its card.

    python benchmarks/shipped.py --songs tracks_hot100.csv --large tracks_mixed.csv \
        --out saved_models/songpop_metadata

The text branch, an encoder trained from scratch, with the default settings. Four fifths of the
songs train it, a tenth stops it and sets its interval, a tenth measures it. The exported model then
looks up the artists' other songs among all of them.
"""

import argparse
import dataclasses
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import Memory, Part, parts, predict_text, read, train_text

from pipelines.discographies import Discographies
from pipelines.files import write_atomically
from pipelines.metadata import MetadataReader
from pipelines.words import PATTERNS
from songpop_tf.config import RunConfig, load_config, save_config
from songpop_tf.console import Console
from songpop_tf.evaluation.card import CARD, describe
from songpop_tf.evaluation.metrics import PREDICTED, metrics
from songpop_tf.scale import NEAR
from songpop_tf.serving.export import export
from songpop_tf.training.conformal import Vector, coverage, half_width, interval
from songpop_tf.training.inputs import knowing
from songpop_tf.training.run import Run
from songpop_tf.training.text import TextBranch

NAME = "text"
COLUMN = PREDICTED + NAME
FOLDS = 10


def store(run: Run, branch: TextBranch, part: Part, config: RunConfig, points: Vector) -> None:
    """Write what `songpop-tf train` would write, with every song in the reader."""
    everything = pd.concat([part.train, part.validation, part.test, part.large], ignore_index=True)
    reader = MetadataReader(branch.reader.tokenizer, Discographies.of(everything))
    reader.save(run.reader_directory(NAME))
    save_config(config, run.directory / "config.toml")
    run.finish(NAME, branch.encoder(), [], points)


def points_without(branch: TextBranch, part: Part, known: tuple[str, ...]) -> float:
    """To either side of a prediction of which only these words are known."""
    truth = part.validation.popularity.to_numpy("float64")
    return half_width(truth, predict_text(branch, knowing(part.validation, known)))


def about(options: argparse.Namespace, part: Part, predicted: pd.DataFrame, points: Vector) -> str:
    """The card's first part."""
    truth, found = (predicted[name].to_numpy("float64") for name in ("popularity", COLUMN))
    measured = metrics(truth, found, 0)
    covered = coverage(truth, *interval(found, points[-1]))
    songs = len(part.train) + len(part.validation) + len(part.test)
    years = part.train.year[part.train.year > 0]
    ends = measured["mse_ci"]
    return (
        "Predicts Spotify popularity (0-100) of a song from artist, title and release year; any of "
        "them may be missing.\n\n"
        f"- **Made** on {datetime.now(UTC):%Y-%m-%d} by `python benchmarks/shipped.py --songs "
        f"{options.songs.name} --large {options.large.name}"
        f"{f' --config {options.config.name}' if options.config else ''}`.\n"
        f"- **Trained on** {len(part.train):,} Billboard Hot 100 songs of {years.min()}-"
        f"{years.max()}, popularity from one snapshot, and {len(part.large):,} rows of a mixture "
        "of catalogues from several years.\n"
        f"- **Measured on** {len(part.test):,} other songs, drawn at random: MSE "
        f"{measured['mse']:.1f} ({ends[0]:.0f} to {ends[1]:.0f}), R² {measured['r2']:.3f}, "
        f"{measured['within_15']:.0%} within {NEAR:.0f} points.\n"
        f"- **How sure**: {points[-1]:.0f} points to either side are to hold 90 % of songs and "
        f"held {covered:.0%} of these, where artist, title and year are given; the fewer are "
        f"given, the more points, up to {points.max():.0f}.\n"
        f"- **Looks up** the other songs of the artists among all {songs:,} songs and the mixture: "
        "artists are known by a hash of their name, their songs by year and popularity. A song's "
        "own popularity is never looked up where artist and title are spelt as in the data, nor "
        "where artist and year are and the title is not given. The year's trend is drawn from all "
        "of these songs too."
    )


def main() -> None:
    """Train, measure, export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, required=True, help="table to report on")
    parser.add_argument("--large", type=Path, required=True, help="table to pre-train on")
    parser.add_argument("--config", type=Path, help="TOML as of `train --config`")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    options = parser.parse_args()
    config = load_config(options.config) if options.config else RunConfig()
    part = next(parts(*read(options.songs, options.large), "random", FOLDS, config.seed))
    part = Part(*(table.reset_index(drop=True) for table in dataclasses.astuple(part)))
    with Console() as console, tempfile.TemporaryDirectory() as folder:
        branch = train_text(part, config, Memory(), console)
        points = np.array([points_without(branch, part, known) for known in PATTERNS])
        predicted = part.test.assign(**{COLUMN: predict_text(branch, part.test)})
        run = Run(Path(folder))
        store(run, branch, part, config, points)
        version = export(run, options.out)
        with write_atomically(version / CARD) as temporary:
            temporary.write_text(describe(NAME, about(options, part, predicted, points), predicted))
        console.say(f"{np.round(points, 1)} points, exported: {version}")


if __name__ == "__main__":
    main()
