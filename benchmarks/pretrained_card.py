"""What the model card of the pre-trained model says, measured on the test songs."""

import argparse
import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from accuracy import Fold, predict_text
from config_options import config_from_options
from pretrained_audio import (
    SongTable,
    Values,
    fusion_examples,
    predict_cnn_popularity,
    predict_fusion,
    text_popularity,
)

from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.interval_metrics import interval_metrics
from songpop_tf.evaluation.metrics import metrics, r2
from songpop_tf.training.conformal import PredictionIntervals
from songpop_tf.training.inference import read_covariates
from songpop_tf.training.text_branch import TextBranch

RESAMPLES = 1000
LISTED_FEATURES = ("energy", "danceability", "loudness", "acousticness", "valence", "speechiness")
"""Audio features that are listed."""
WITHOUT_YEAR = ("artist", "title")


@dataclasses.dataclass(frozen=True)
class Gain:
    """By how much audio lowers the squared error of a text branch.

    Attributes:
        mse_text, mse_combined: of both models on the same songs.
        low, high: 95 % bootstrap interval of their difference.
    """

    mse_text: float
    mse_combined: float
    low: float
    high: float

    @classmethod
    def measure(cls, truth: Values, text: Values, combined: Values) -> "Gain":
        """Compare the predictions of the same songs."""
        errors = (truth - text) ** 2, (truth - combined) ** 2
        difference = errors[0] - errors[1]
        rng = np.random.default_rng(0)
        rows = rng.integers(0, len(truth), (RESAMPLES, len(truth)))
        low, high = np.quantile(difference[rows].mean(axis=1), [0.025, 0.975])
        return cls(float(errors[0].mean()), float(errors[1].mean()), float(low), float(high))

    def __str__(self) -> str:
        gain = self.mse_text - self.mse_combined
        return (
            f"MSE {self.mse_combined:.1f} instead of {self.mse_text:.1f}, a gain of {gain:.1f} "
            f"({self.low:.1f} to {self.high:.1f})"
        )


@dataclasses.dataclass(frozen=True)
class AudioMeasures:
    """What audio adds on the test songs, and what the CNN hears in recordings.

    Attributes:
        all_known, without_year: the gain where artist and title are known, with and without year.
        r2_alone: of the CNN's popularity.
        r2_features: R2 of the audio features of recordings of other artists.
        recordings: their number.
    """

    all_known: Gain
    without_year: Gain
    r2_alone: float
    r2_features: dict[str, float]
    recordings: int


def measure_audio(
    text: TextBranch,
    cnn: keras.Model,
    combined: keras.Model,
    test: SongTable,
    features: tuple[Values, Values],
) -> AudioMeasures:
    """Measure the models on songs of the table.

    Args:
        text, cnn, combined: the models.
        test: the songs.
        features: standardized audio features of recordings, true and as the CNN predicts them.
    """
    truth = test.popularity.astype("float64")

    def gain(known: tuple[str, ...]) -> Gain:
        examples = fusion_examples(cnn, text, test, known)
        return Gain.measure(truth, text_popularity(examples), predict_fusion(combined, examples))

    columns = zip(AUDIO_FEATURES, *(values.T for values in features), strict=True)
    return AudioMeasures(
        gain(FIELDS),
        gain(WITHOUT_YEAR),
        r2(truth, predict_cnn_popularity(cnn, test)),
        {name: r2(true, predicted) for name, true, predicted in columns if name in LISTED_FEATURES},
        len(features[0]),
    )


def about(
    options: argparse.Namespace,
    fold: Fold,
    text: TextBranch,
    intervals: PredictionIntervals,
    audio: AudioMeasures,
) -> str:
    """The first sections of the model card."""
    return "\n\n".join(
        [
            "Predicts the Spotify popularity (0-100) of a song from artist, title, release year "
            "and audio; any of them may be missing.",
            "\n".join(
                [
                    _origin(options),
                    *_text_encoder(options, text),
                    _training_data(fold, audio.recordings),
                    _text_errors(fold, text),
                    _interval_line(fold, text, intervals),
                    _history_line(fold),
                ]
            ),
            "## What it hears\n\n" + _audio_section(audio),
        ]
    )


def _origin(options: argparse.Namespace) -> str:
    arguments = f"--songs {options.songs.name} --pretraining {options.pretraining.name}"
    if options.config:
        arguments += f" --config {options.config.name}"
    if options.preset:
        arguments += " --preset ENCODER"
    return (
        f"- **Created** on {datetime.now(UTC):%Y-%m-%d} by `python benchmarks/train_pretrained.py "
        f"{arguments} --recordings RECORDINGS --run RUN --out OUT`."
    )


def _text_encoder(options: argparse.Namespace, text: TextBranch) -> list[str]:
    if not options.preset:
        return []
    pieces = len(text.preprocessor.tokenizer.vocabulary)
    layers = config_from_options(options).metadata.layers
    return [
        f"- **Text encoder**: the first {layers} layers of {_preset_name(Path(options.preset))}, "
        f"frozen, in 8 bits, with {pieces:,} word pieces."
    ]


def _preset_name(preset: Path) -> str:
    """Heading of the preset's own model card, and its license."""
    path = preset / "README.md"
    card = path.read_text(encoding="utf-8")
    heading = re.search(r"^# (.+)$", card, re.MULTILINE)
    license_name = re.search(r"^license: (.+)$", card, re.MULTILINE)
    if heading is None or license_name is None:
        raise SystemExit(f"{path}: expected a heading and a license")
    return f"{heading[1]} ({license_name[1]})"


def _training_data(fold: Fold, recordings: int) -> str:
    years = fold.train.year[fold.train.year > 0]
    return (
        f"- **Training data**: {len(fold.train):,} Billboard Hot 100 songs of {years.min()}-"
        f"{years.max()}, popularity and audio features from one snapshot; "
        f"{len(fold.pretraining):,} pre-training rows of a mixture of catalogs from several years; "
        f"spectrograms of 12 seconds of {recordings} recordings, of which only the audio features "
        "are learned."
    )


def _text_errors(fold: Fold, text: TextBranch) -> str:
    truth = fold.test.popularity.to_numpy("float64")
    measured = metrics(truth, predict_text(text, fold.test), 0)
    low, high = measured["mse_ci"]
    return (
        f"- **Test data**: {len(fold.test):,} other songs, drawn at random, from artist, title and "
        f"year: MSE {measured['mse']:.1f} ({low:.0f} to {high:.0f}), R² {measured['r2']:.3f}, "
        f"{measured['within_15']:.0%} within {WITHIN_POINTS:.0f} points."
    )


def _interval_line(fold: Fold, text: TextBranch, intervals: PredictionIntervals) -> str:
    pattern = MISSINGNESS_PATTERNS.index(FIELDS)
    covariates = read_covariates(fold.test, text.preprocessor).of_pattern(pattern)
    low, high = intervals.ends(predict_text(text, fold.test), covariates)
    measured = interval_metrics(fold.test.popularity.to_numpy("float64"), low, high)
    return (
        "- **Prediction interval**: nominal coverage 90 %; its width depends on the known fields, "
        "on whether the model knows other songs of the main artist, on the year and on the "
        f"prediction. It covers {measured['coverage']:.0%} of the test songs with a mean width of "
        f"{measured['width']:.0f} points where artist, title and year are known."
    )


def _history_line(fold: Fold) -> str:
    songs = len(fold.train) + len(fold.validation) + len(fold.test)
    return (
        f"- **Artist history**: of all {songs:,} songs and the pre-training rows. Artists are "
        "identified by a hash of their name, songs are stored as year and popularity. A song's own "
        "popularity is excluded where artist and title are spelt as in the data, and where artist "
        "and year match and the title is missing. The year baseline is fitted to all of these "
        "songs, too."
    )


def _audio_section(audio: AudioMeasures) -> str:
    rows = "\n".join(f"| {name} | {value:.2f} |" for name, value in audio.r2_features.items())
    return (
        f"R² of Spotify's audio features of {audio.recordings} recordings of 12 seconds, "
        "five-fold, artists apart:\n\n"
        f"| audio feature | R² |\n|---|---:|\n{rows}\n\n"
        "From these, and from the length of the song, the model draws its conclusions about "
        "popularity. What they are worth was measured on the test songs, whose true audio features "
        "got errors like those of the CNN:\n\n"
        f"- artist, title and year known: {audio.all_known};\n"
        f"- artist and title known: {audio.without_year};\n"
        f"- audio alone: R² {audio.r2_alone:.2f}, mostly because audio tells the decade.\n\n"
        "So audio is no reason to expect more or less of a song whose artist and year are known. "
        "Nothing here says that changing a song's sound would change its popularity."
    )
