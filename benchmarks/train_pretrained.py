"""Train, measure and export the bundled model.

    python benchmarks/train_pretrained.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --out saved_models/songpop_metadata

The text branch, its encoder trained from scratch, with the default settings. Four fifths of the
songs are the training set, a tenth the validation set (early stopping, calibration of the
intervals) and a tenth the test set. The artist history of the exported model covers all songs.
"""

import argparse
import dataclasses
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from accuracy import (
    EncodingCache,
    Fold,
    make_folds,
    predict_text,
    read_songs,
    train_text_branch,
)
from intervals import predict_text_without_history

from pipelines.io import write_atomically
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST
from pipelines.metadata.preprocessor import MetadataPreprocessor
from songpop_tf.config import RunConfig, load_config, save_config
from songpop_tf.console import Console
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.interval_metrics import interval_metrics
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX, metrics
from songpop_tf.evaluation.model_card import MODEL_CARD_FILE, render_model_card
from songpop_tf.serving.export import export
from songpop_tf.training.calibration import calibrate
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import PredictionIntervals
from songpop_tf.training.inference import drop_fields, read_covariates
from songpop_tf.training.run import CONFIG_FILE, Run
from songpop_tf.training.text_branch import TextBranch

TEXT = Configuration("text", pretrained=True)
COLUMN = PREDICTED_PREFIX + TEXT.name
FOLDS = 10


def save(
    run: Run, branch: TextBranch, fold: Fold, config: RunConfig, intervals: PredictionIntervals
) -> None:
    """Write what `songpop-tf train` would write, with the artist history of all songs."""
    songs = pd.concat([fold.train, fold.validation, fold.test, fold.pretraining], ignore_index=True)
    preprocessor = MetadataPreprocessor(
        branch.preprocessor.tokenizer, ArtistHistory.from_table(songs)
    )
    preprocessor.save(run.preprocessor_directory(TEXT))
    save_config(config, run.directory / CONFIG_FILE)
    run.save_model(TEXT, branch.trained_encoder(), [], intervals)


def predict_patterns(branch: TextBranch, songs: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Predictions for each pattern of known fields, `(8, songs)`."""
    return np.stack(
        [predict_text(branch, drop_fields(songs, known)) for known in MISSINGNESS_PATTERNS]
    )


def calibrate_branch(branch: TextBranch, songs: pd.DataFrame) -> PredictionIntervals:
    """Calibrate the prediction intervals of a trained branch."""
    without_history = [
        predict_text_without_history(branch, drop_fields(songs, known))
        for known in PATTERNS_WITH_ARTIST
    ]
    return calibrate(
        songs.popularity.to_numpy("float64"),
        predict_patterns(branch, songs),
        np.stack(without_history),
        read_covariates(songs, branch.preprocessor),
    )


def measure_intervals(
    branch: TextBranch, intervals: PredictionIntervals, songs: pd.DataFrame
) -> list[dict[str, Any]]:
    """Width and coverage for each pattern of known fields; all are known in the last."""
    covariates = read_covariates(songs, branch.preprocessor)
    ends = intervals.ends(predict_patterns(branch, songs), covariates)
    truth = songs.popularity.to_numpy("float64")
    return [interval_metrics(truth, low, high) for low, high in zip(*ends, strict=True)]


def about(
    options: argparse.Namespace,
    fold: Fold,
    predictions: pd.DataFrame,
    interval_measures: list[dict[str, Any]],
) -> str:
    """The first section of the model card."""
    truth, prediction = (predictions[name].to_numpy("float64") for name in ("popularity", COLUMN))
    measured = metrics(truth, prediction, 0)
    *with_missing_fields, all_known = interval_measures
    widest = max(measures["width"] for measures in with_missing_fields)
    songs = len(fold.train) + len(fold.validation) + len(fold.test)
    years = fold.train.year[fold.train.year > 0]
    low, high = measured["mse_ci"]
    return (
        "Predicts the Spotify popularity (0-100) of a song from artist, title and release year; "
        "any of them may be missing.\n\n"
        f"- **Created** on {datetime.now(UTC):%Y-%m-%d} by `python benchmarks/train_pretrained.py "
        f"--songs {options.songs.name} --pretraining {options.pretraining.name}"
        f"{f' --config {options.config.name}' if options.config else ''}`.\n"
        f"- **Training data**: {len(fold.train):,} Billboard Hot 100 songs of {years.min()}-"
        f"{years.max()}, popularity from one snapshot, and {len(fold.pretraining):,} pre-training "
        "rows of a mixture of catalogs from several years.\n"
        f"- **Test data**: {len(fold.test):,} other songs, drawn at random: MSE "
        f"{measured['mse']:.1f} ({low:.0f} to {high:.0f}), R² {measured['r2']:.3f}, "
        f"{measured['within_15']:.0%} within {WITHIN_POINTS:.0f} points.\n"
        "- **Prediction interval**: nominal coverage 90 %; its width depends on the known fields, "
        "on whether the model knows other songs of the main artist, on the year and on the "
        "prediction. "
        f"It covers {all_known['coverage']:.0%} of the test songs with a mean width of "
        f"{all_known['width']:.0f} points where artist, title and year are known; up to "
        f"{widest:.0f} points where fields are missing.\n"
        f"- **Artist history**: of all {songs:,} songs and the pre-training rows. Artists are "
        "identified by a hash of their name, songs are stored as year and popularity. A song's own "
        "popularity is excluded where artist and title are spelt as in the data, and where artist "
        "and year match and the title is missing. The year baseline is fitted to all of these "
        "songs, too."
    )


def main() -> None:
    """Train, measure and export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, required=True, help="table to evaluate on")
    parser.add_argument("--pretraining", type=Path, required=True, help="table to pre-train on")
    parser.add_argument("--config", type=Path, help="TOML as of `train --config`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    options = parser.parse_args()
    config = load_config(options.config) if options.config else RunConfig()
    songs, pretraining = read_songs(options.songs, options.pretraining)
    fold = next(make_folds(songs, pretraining, "random", FOLDS, config.seed))
    fold = Fold(*(table.reset_index(drop=True) for table in dataclasses.astuple(fold)))
    with Console() as console, tempfile.TemporaryDirectory() as folder:
        branch = train_text_branch(fold, config, EncodingCache(), console)
        intervals = calibrate_branch(branch, fold.validation)
        measures = measure_intervals(branch, intervals, fold.test)
        predictions = fold.test.assign(**{COLUMN: predict_text(branch, fold.test)})
        run = Run(Path(folder))
        save(run, branch, fold, config, intervals)
        version = export(run, options.out)
        with write_atomically(version / MODEL_CARD_FILE) as temporary:
            text = about(options, fold, predictions, measures)
            temporary.write_text(render_model_card(TEXT.name, text, predictions, "apache-2.0"))
        widths = ", ".join(f"{measured['width']:.1f}" for measured in measures)
        console.print(f"exported to {version}, mean widths of the intervals {widths} points")


if __name__ == "__main__":
    main()
