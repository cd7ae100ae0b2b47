"""Coverage and width of prediction intervals on songs of known artists and of held-out artists.

    python benchmarks/intervals.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --out intervals

For each seed, a fifth of the artists is held out: their songs are one test set, and no row that
credits them is trained on. Of the other songs a tenth, drawn at random, is the second test set and
a tenth the validation set (early stopping, calibration). The text branch is trained as in
accuracy.py. The project's intervals are compared with those of a constant half width; the test
songs of all seeds are pooled. Predictions are stored in --out; an interrupted call resumes after
the last finished seed.
"""

import argparse
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from accuracy import (
    VALIDATION_BATCH_SIZE,
    EncodingCache,
    Fold,
    add_table_options,
    group_labels,
    make_folds,
    predict_text,
    read_songs,
    train_text_branch,
)
from config_options import add_config_options, config_from_options
from result_table import verdict

from pipelines.io import write_csv
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.evaluation.interval_metrics import MIN_GROUP_SONGS
from songpop_tf.evaluation.metrics import Vector
from songpop_tf.training.calibration import CalibrationSongs, calibrate_pattern
from songpop_tf.training.conformal import COVERAGE, Covariates, PredictionIntervals, interval
from songpop_tf.training.inference import read_covariates, without_history
from songpop_tf.training.text_branch import TextBranch

HELD_OUT_ARTISTS = 5
"""One in this many artists is held out."""
FOLDS = 10
FIRST_DECADE = 1960
ALL_KNOWN = MISSINGNESS_PATTERNS.index(FIELDS)
TEST_SETS = {"test": "random test songs", "held_out": "songs of held-out artists"}
ARTIST_TARGET, DECADE_TARGET = (0.88, 0.92), (0.86, 0.94)
"""Lowest and highest coverage of a group."""


def split_songs(
    songs: pd.DataFrame, pretraining: pd.DataFrame, seed: int
) -> tuple[Fold, pd.DataFrame]:
    """A random split without the held-out artists, and their songs."""
    labels = group_labels(songs, "artist")
    order = np.random.default_rng(seed).permutation(labels.max() + 1)[labels]
    held_out = songs[order % HELD_OUT_ARTISTS == 0]
    artists = {credited[0] for credited in held_out.credited}
    remaining, other_rows = (
        table[[artists.isdisjoint(credited) for credited in table.credited]].reset_index(drop=True)
        for table in (songs, pretraining)
    )
    fold = next(make_folds(remaining, other_rows, "random", FOLDS, seed))
    return fold, held_out


def predict_text_without_history(branch: TextBranch, songs: pd.DataFrame) -> Vector:
    """Predict songs with the artists' history masked, `(songs,)`."""
    dataset = branch.dataset(songs, VALIDATION_BATCH_SIZE).map(without_history)
    return branch.trained_part.predict(dataset, verbose=0)[:, 0].astype("float64")


def predictions(branch: TextBranch, songs: pd.DataFrame) -> pd.DataFrame:
    """The columns that calibration needs, a row for each song."""
    songs = songs.reset_index(drop=True)
    covariates = read_covariates(songs, branch.preprocessor).of_pattern(ALL_KNOWN)
    return pd.DataFrame(
        {
            "popularity": songs.popularity,
            "year": covariates.year,
            "has_history": covariates.has_history,
            "prediction": predict_text(branch, songs),
            "without_history": predict_text_without_history(branch, songs),
        }
    )


def predict_seed(
    songs: tuple[pd.DataFrame, pd.DataFrame],
    config: RunConfig,
    out: Path,
    cache: EncodingCache,
    console: Console,
) -> dict[str, pd.DataFrame]:
    """Predictions of the validation set and of both test sets; read from `out` if finished."""
    paths = {name: out / f"{config.seed}-{name}.csv" for name in ("validation", *TEST_SETS)}
    if not all(path.is_file() for path in paths.values()):
        fold, held_out = split_songs(*songs, config.seed)
        branch = train_text_branch(fold, config, cache, console)
        tables = (fold.validation, fold.test, held_out)
        for path, table in zip(paths.values(), tables, strict=True):
            write_csv(path, predictions(branch, table))
        keras.utils.clear_session(free_memory=True)
    return {name: pd.read_csv(path) for name, path in paths.items()}


def constant_interval(validation: pd.DataFrame, test: pd.DataFrame) -> tuple[Vector, Vector]:
    """Ends of intervals with the same half width for all songs."""
    errors = np.sort((validation.popularity - validation.prediction).abs())
    half_width = float(errors[math.ceil((len(errors) + 1) * COVERAGE) - 1])
    return interval(test.prediction.to_numpy("float64"), half_width)


def adaptive_interval(validation: pd.DataFrame, test: pd.DataFrame) -> tuple[Vector, Vector]:
    """Ends of the project's intervals, with all fields known."""
    groups = calibrate_pattern(
        CalibrationSongs(
            truth=validation.popularity.to_numpy("float64"),
            popularity=validation.prediction.to_numpy("float64"),
            without_history=validation.without_history.to_numpy("float64"),
            year=validation.year.to_numpy(),
            has_history=validation.has_history.to_numpy(),
        )
    )
    intervals = PredictionIntervals(groups * len(MISSINGNESS_PATTERNS))
    pattern = np.full(len(test), ALL_KNOWN)
    covariates = Covariates(pattern, test.year.to_numpy(), test.has_history.to_numpy())
    return intervals.ends(test.prediction.to_numpy("float64"), covariates)


METHODS = {"constant": constant_interval, "adaptive": adaptive_interval}


def measure(validation: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Whether each test song is covered, and width and score of its intervals.

    The interval score is the width plus, outside the interval, 20 times the distance to it:
    Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, section
    6.2.
    """
    truth, columns = test.popularity.to_numpy("float64"), {}
    for name, method in METHODS.items():
        low, high = method(validation, test)
        outside = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
        columns[f"{name}_covered"] = outside == 0
        columns[f"{name}_width"] = high - low
        columns[f"{name}_score"] = high - low + 2 / (1 - COVERAGE) * outside
    return test.assign(**columns)


def groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, tuple[float, float] | None]]:
    """Name and rows of each group of songs, and the range of coverage that is its target."""
    yield "all", table, None
    # Known: the model is shown songs of any of the artists, be it a guest.
    is_known = (table.prediction - table.without_history).abs() > 1e-3
    yield "known artists", table[is_known], ARTIST_TARGET
    yield "unknown artists", table[~is_known], ARTIST_TARGET
    for decade, rows in table[table.year >= FIRST_DECADE].groupby(table.year // 10 * 10):
        yield f"{decade}s", rows, DECADE_TARGET


def markdown_table(table: pd.DataFrame) -> str:
    """Coverage, mean width and mean interval score of both methods for each group of songs."""
    lines = [
        "| songs | n | coverage: constant | adaptive | target | mean width: constant | adaptive "
        "| interval score: constant | adaptive |",
        f"|---|{'---:|' * 8}",
    ]
    for name, rows, target in groups(table):
        if len(rows) < MIN_GROUP_SONGS:
            continue
        covered = [f"{rows[f'{method}_covered'].mean():.1%}" for method in METHODS]
        widths, scores = (
            [f"{rows[f'{method}_{column}'].mean():.1f}" for method in METHODS]
            for column in ("width", "score")
        )
        cells = [*covered, format_target(rows, target), *widths, *scores]
        lines.append(f"| {name} | {len(rows):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_target(rows: pd.DataFrame, target: tuple[float, float] | None) -> str:
    """The range of coverage, and whether the adaptive intervals are within it."""
    if target is None:
        return ""
    low, high = target
    is_met = low <= rows.adaptive_covered.mean() <= high
    return f"{100 * low:.0f}-{100 * high:.0f} %: {verdict(is_met)}"


def width_result(table: pd.DataFrame) -> str:
    """Compare the mean widths on the random test songs."""
    constant, adaptive = table.constant_width.mean(), table.adaptive_width.mean()
    return (
        f"mean width on random test songs: {adaptive:.1f}, target below the constant's "
        f"{constant:.1f}: {verdict(adaptive < constant)}"
    )


def main() -> None:
    """Predict all seeds that are not finished and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_table_options(parser)
    add_config_options(parser)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions")
    options = parser.parse_args()
    config = config_from_options(options)
    songs = read_songs(options.songs, options.pretraining)
    cache = EncodingCache()
    measured: dict[str, list[pd.DataFrame]] = {name: [] for name in TEST_SETS}
    with Console() as console:
        for seed in range(options.seeds):
            seeded = dataclasses.replace(config, seed=seed)
            tables = predict_seed(songs, seeded, options.out, cache, console)
            for name, parts in measured.items():
                parts.append(measure(tables["validation"], tables[name]))
        for name, parts in measured.items():
            table = pd.concat(parts, ignore_index=True)
            console.print(f"\n### {TEST_SETS[name]}\n\n{markdown_table(table)}\n")
        console.print(width_result(pd.concat(measured["test"])))


if __name__ == "__main__":
    main()
