"""Prediction error of all six models on songs with spectrograms, and what the audio contributes.

    python benchmarks/link_year_end.py --year-end year_end.csv --tracks tracks.csv --out linked.csv
    songpop-tf sample rendered --songs 4300 --tracks linked.csv
    python benchmarks/audio_contribution.py --spectrograms rendered/spectrograms \
        --tracks tracks.csv --tracks more_tracks.csv --config benchmarks/minilm.toml \
        --preset MINILM_FOLDER --out audio

For each seed the songs are split again, and `songpop-tf prepare`, `train` and `evaluate` run
unchanged; finished steps in --out are skipped. Two references use Spotify's own audio features, an
upper bound for what a spectrogram model could extract: "audio", gradient boosting on audio features
and length, and "text_audio", a linear combination of that and the text branch, fitted on the
validation songs. The test songs of all seeds are pooled; intervals are bootstrapped over songs.
"""

import argparse
import dataclasses
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from config_options import add_config_options, config_from_options
from sklearn.ensemble import HistGradientBoostingRegressor

from pipelines.config import SplitConfig
from pipelines.io import write_csv
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepare import PrepareOptions, prepare
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.tfrecords import parse_song
from pipelines.splits import TEST, TRAIN, VALIDATION
from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.evaluate import PREDICTIONS_FILE, evaluate
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX, Vector, r2
from songpop_tf.evaluation.model_card import EVALUATION_FILE
from songpop_tf.training.configurations import BRANCHES, Configuration, select_configurations
from songpop_tf.training.inference import predict_patterns, predict_split, run_covariates
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import Trainer

RESAMPLES = 2000
AUDIO, TEXT_AUDIO = f"{PREDICTED_PREFIX}audio", f"{PREDICTED_PREFIX}text_audio"
COVERED = "covered_"
"""Prefix of the columns that hold whether the interval contains the true popularity."""


def test_predictions(
    options: argparse.Namespace, config: RunConfig, seed: int, console: Console
) -> pd.DataFrame:
    """Prepare, train and evaluate one split; return the predictions of its test songs."""
    folder = options.out / f"{options.split}-{seed}"
    split = SplitConfig(protocol=options.split, seed=seed)
    prepare_options = PrepareOptions(options.spectrograms, options.tracks, split)
    data = prepare(prepare_options, folder / "data", console.progress)
    seeded = dataclasses.replace(config, seed=seed)
    run = Run.start(folder / "run", data, seeded)
    Trainer(data, run, seeded, console).train(select_configurations(options.approach, "all"))
    if not (run.directory / EVALUATION_FILE).is_file():
        evaluate(data, run, seed, console)
    table = pd.read_csv(run.directory / PREDICTIONS_FILE, dtype={"song_id": str})
    audio = boosting_on_audio_features(data, seed)
    table[AUDIO], table[TEXT_AUDIO] = audio[TEST], combine_with_text(audio, data, run)
    for configuration in run.finished():
        covariates = run_covariates(configuration, run, data.songs_of(TEST)).of_pattern(-1)
        prediction = table[PREDICTED_PREFIX + configuration.name].to_numpy()
        low, high = run.load_intervals(configuration).ends(prediction, covariates)
        table[COVERED + configuration.name] = table.popularity.between(low, high)
    return pd.concat([table, predictions_with_missing_fields(data, run)], axis=1)


def predictions_with_missing_fields(data: PreparedData, run: Run) -> pd.DataFrame:
    """Predictions of the test songs, a column for each branch and pattern of missing fields."""
    path = run.directory / "missing_fields.csv"
    if not path.is_file():
        columns = {}
        for branch in BRANCHES:
            configuration = Configuration(branch, pretrained=True)
            model = run.load_model(configuration)
            by_pattern = predict_patterns(configuration, model, run, data, TEST)
            for known, popularity in zip(MISSINGNESS_PATTERNS[:-1], by_pattern, strict=False):
                columns[_column_without(branch, known)] = popularity
            keras.utils.clear_session(free_memory=True)
        write_csv(path, pd.DataFrame(columns))
    return pd.read_csv(path)


def _missing(known: tuple[str, ...]) -> list[str]:
    return [field for field in FIELDS if field not in known]


def _column_without(branch: str, known: tuple[str, ...]) -> str:
    return f"{branch}_without_{'_'.join(_missing(known))}"


def boosting_on_audio_features(data: PreparedData, seed: int) -> dict[str, Vector]:
    """Predict the held-out songs from Spotify's audio features and their length."""
    model = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, l2_regularization=1, random_state=seed
    )
    model.fit(_audio_features(data, TRAIN), data.songs_of(TRAIN).popularity)
    return {split: model.predict(_audio_features(data, split)) for split in (VALIDATION, TEST)}


def combine_with_text(audio: dict[str, Vector], data: PreparedData, run: Run) -> Vector:
    """Predict the test songs by a linear combination, fitted on the validation songs."""
    configuration = Configuration("text", pretrained=True)
    model = run.load_model(configuration)

    def inputs(split: str) -> npt.NDArray[np.float64]:
        text = predict_split(configuration, model, run, data, split)
        return np.column_stack([text, audio[split], np.ones(len(text))])

    truth = data.songs_of(VALIDATION).popularity.to_numpy("float64")
    weights = np.linalg.lstsq(inputs(VALIDATION), truth, rcond=None)[0]
    prediction: Vector = inputs(TEST) @ weights
    return prediction


def _audio_features(data: PreparedData, split: str) -> npt.NDArray[np.float64]:
    """Audio features and number of columns, `(songs, 11)`."""
    columns = [int(song["columns"]) for song in parsed_records(data, split)]
    return np.column_stack(
        [data.songs_of(split)[list(AUDIO_FEATURES)].to_numpy("float64"), columns]
    )


def parsed_records(data: PreparedData, split: str) -> tf.data.Dataset:
    """The parsed records of a split, in the order of its songs."""
    return tf.data.TFRecordDataset([str(shard) for shard in data.shards_of(split)]).map(parse_song)


def mean_interval(values: pd.Series, songs: pd.Series) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over songs; a song may be in the test set of two seeds."""
    by_song = values.groupby(songs.to_numpy())
    total, count = by_song.sum().to_numpy("float64"), by_song.size().to_numpy("float64")
    resamples = np.random.default_rng(0).multinomial(
        len(total), np.full(len(total), 1 / len(total)), RESAMPLES
    )
    low, high = np.quantile((resamples @ total) / (resamples @ count), [0.025, 0.975])
    return float(low), float(high)


def squared_error(table: pd.DataFrame, name: str) -> pd.Series:
    """Squared error of a model for each song."""
    return (table[PREDICTED_PREFIX + name] - table.popularity) ** 2


def model_table(table: pd.DataFrame, names: list[str]) -> str:
    """A Markdown table of all models."""
    lines = [
        "| model | MSE (95 %) | R2 | R2 by seed | within 15 | coverage of the 90 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        squared = squared_error(table, name)
        low, high = mean_interval(squared, table.song_id)
        by_seed = [_r2(rows, name) for _, rows in table.groupby("seed")]
        covered = f"{table[COVERED + name].mean():.1%}" if COVERED + name in table else ""
        lines.append(
            f"| {name} | {squared.mean():.1f} ({low:.1f} to {high:.1f}) | {_r2(table, name):.3f} "
            f"| {', '.join(f'{value:.3f}' for value in by_seed)} "
            f"| {(np.sqrt(squared) <= WITHIN_POINTS).mean():.1%} | {covered} |"
        )
    return "\n".join(lines)


def _r2(table: pd.DataFrame, name: str) -> float:
    return r2(
        table.popularity.to_numpy("float64"), table[PREDICTED_PREFIX + name].to_numpy("float64")
    )


def missing_fields_table(table: pd.DataFrame) -> str:
    """A Markdown table of the MSE of each branch for each pattern of missing fields."""
    lines = [f"| missing | {' | '.join(BRANCHES)} |", "|---|---|---|---|"]
    for known in MISSINGNESS_PATTERNS[:-1]:
        columns = (table[_column_without(branch, known)] for branch in BRANCHES)
        errors = " | ".join(
            f"{((column - table.popularity) ** 2).mean():.1f}" for column in columns
        )
        lines.append(f"| {', '.join(_missing(known))} | {errors} |")
    return "\n".join(lines)


def mse_gain(table: pd.DataFrame, better: str, worse: str) -> str:
    """The difference of two models' MSE, paired over songs."""
    gain = squared_error(table, worse) - squared_error(table, better)
    low, high = mean_interval(gain, table.song_id)
    return f"{better} against {worse}: MSE {gain.mean():.2f} lower ({low:.2f} to {high:.2f})"


def print_report(table: pd.DataFrame, options: argparse.Namespace, console: Console) -> None:
    """Print all tables for the pooled test songs."""
    names = [
        name.removeprefix(PREDICTED_PREFIX) for name in table if name.startswith(PREDICTED_PREFIX)
    ]
    title = f"{options.split}: {len(table):,} test songs of {options.seeds} seeds"
    console.print(f"\n### {title}\n\n{model_table(table, names)}\n")
    console.print(mse_gain(table, "combined", "text"))
    console.print(mse_gain(table, "text_audio", "text"))
    console.print(mse_gain(table, "combined", "boosting"))
    if "combined_naive" in names:
        console.print(mse_gain(table, "combined", "combined_naive"))
    console.print(f"\nMSE with missing fields:\n\n{missing_fields_table(table)}\n")
    console.print(f"R2 of cnn is {_r2(table, 'cnn') / _r2(table, 'audio'):.0%} of that of audio")


def main() -> None:
    """Run every seed that is not finished and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--spectrograms", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True, action="append")
    parser.add_argument("--split", choices=("random", "artist", "time"), default="random")
    parser.add_argument("--approach", choices=("better", "both"), default="both")
    add_config_options(parser)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for data and runs")
    options = parser.parse_args()
    config = config_from_options(options)
    with Console() as console:
        tables = [
            test_predictions(options, config, seed, console).assign(seed=seed)
            for seed in range(options.seeds)
        ]
        print_report(pd.concat(tables, ignore_index=True), options, console)


if __name__ == "__main__":
    main()
