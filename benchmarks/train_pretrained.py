"""Train, measure and export the bundled model.

    python benchmarks/train_pretrained.py --songs tracks_hot100.csv --pretraining tracks_mixed.csv \
        --out saved_models/songpop_metadata

The text branch, its encoder trained from scratch, with the default settings. Four fifths of the
songs are the training set, a tenth the validation set (early stopping, half width of the interval)
and a tenth the test set. The artist history of the exported model covers all songs.
"""

import argparse
import dataclasses
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import (
    EncodingCache,
    Fold,
    make_folds,
    predict_text,
    read_songs,
    train_text_branch,
)

from pipelines.io import write_atomically
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS
from pipelines.metadata.preprocessor import MetadataPreprocessor
from songpop_tf.config import RunConfig, load_config, save_config
from songpop_tf.console import Console
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX, metrics
from songpop_tf.evaluation.model_card import MODEL_CARD_FILE, render_model_card
from songpop_tf.serving.export import export
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import Vector, coverage, half_width, interval
from songpop_tf.training.inference import drop_fields
from songpop_tf.training.run import CONFIG_FILE, Run
from songpop_tf.training.text_branch import TextBranch

TEXT = Configuration("text", pretrained=True)
COLUMN = PREDICTED_PREFIX + TEXT.name
FOLDS = 10


def save(run: Run, branch: TextBranch, fold: Fold, config: RunConfig, half_widths: Vector) -> None:
    """Write what `songpop-tf train` would write, with the artist history of all songs."""
    songs = pd.concat([fold.train, fold.validation, fold.test, fold.pretraining], ignore_index=True)
    preprocessor = MetadataPreprocessor(
        branch.preprocessor.tokenizer, ArtistHistory.from_table(songs)
    )
    preprocessor.save(run.preprocessor_directory(TEXT))
    save_config(config, run.directory / CONFIG_FILE)
    run.save_model(TEXT, branch.trained_encoder(), [], half_widths)


def half_width_for(branch: TextBranch, fold: Fold, known: tuple[str, ...]) -> float:
    """Half width of the interval, in points, where only the fields `known` are known."""
    truth = fold.validation.popularity.to_numpy("float64")
    return half_width(truth, predict_text(branch, drop_fields(fold.validation, known)))


def about(
    options: argparse.Namespace, fold: Fold, predictions: pd.DataFrame, half_widths: Vector
) -> str:
    """The first section of the model card."""
    truth, prediction = (predictions[name].to_numpy("float64") for name in ("popularity", COLUMN))
    measured = metrics(truth, prediction, 0)
    covered = coverage(truth, *interval(prediction, half_widths[-1]))
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
        f"- **Prediction interval**: ±{half_widths[-1]:.0f} points where artist, title and year "
        f"are known (nominal coverage 90 %, {covered:.0%} of the test songs); up to "
        f"±{half_widths.max():.0f} points where fields are missing.\n"
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
        half_widths = np.array(
            [half_width_for(branch, fold, known) for known in MISSINGNESS_PATTERNS]
        )
        predictions = fold.test.assign(**{COLUMN: predict_text(branch, fold.test)})
        run = Run(Path(folder))
        save(run, branch, fold, config, half_widths)
        version = export(run, options.out)
        with write_atomically(version / MODEL_CARD_FILE) as temporary:
            text = about(options, fold, predictions, half_widths)
            temporary.write_text(render_model_card(TEXT.name, text, predictions))
        console.print(f"exported to {version}, half widths {np.round(half_widths, 1)} points")


if __name__ == "__main__":
    main()
