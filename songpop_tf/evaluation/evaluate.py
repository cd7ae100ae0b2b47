"""Evaluation of the models of a run and of the baselines on the test songs."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.errors import InputError
from pipelines.io import write_csv, write_json
from pipelines.locks import locked_folder
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.tfrecords import naming_damaged_records
from pipelines.splits import TEST, TRAIN, VALIDATION
from songpop_tf.array_types import Vector
from songpop_tf.console import Console
from songpop_tf.evaluation.baselines import BASELINES, predict_baselines
from songpop_tf.evaluation.interval_metrics import interval_metrics, interval_metrics_by_group
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX, metrics, r2
from songpop_tf.evaluation.model_card import EVALUATION_FILE, write_model_card
from songpop_tf.evaluation.plots import write_figures
from songpop_tf.evaluation.report import write_report
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.inference import predict_patterns, run_covariates
from songpop_tf.training.run import Run

PREDICTIONS_FILE = "predictions.csv"


@dataclass(frozen=True)
class _PatternPredictions:
    """Predictions of a model for the test songs.

    Attributes:
        popularity, low, high: ``(8, songs)``, predictions and the ends of their intervals in the
            order of ``MISSINGNESS_PATTERNS``; all fields are known in the last.
        has_history: ``(songs,)``, whether the model is shown other songs of the main artist.
    """

    popularity: npt.NDArray[np.floating]
    low: npt.NDArray[np.floating]
    high: npt.NDArray[np.floating]
    has_history: npt.NDArray[np.bool_]


def evaluate(data: PreparedData, run: Run, seed: int, console: Console) -> dict[str, Any]:
    """Evaluate all finished models of a run; write report, figures and model card into it.

    Args:
        data: the data that the run was trained on.
        run: with at least one finished model.
        seed: of the bootstrap and the baselines.
        console: shows the progress.

    Returns:
        Content of ``evaluation.json``.

    Raises:
        InputError: the run has no finished model, or was trained on other data; or another process
            trains or evaluates it.
    """
    run.check_data(data)
    if not run.finished():
        raise InputError(f"{run.directory}: expected trained models, received a run without")
    with locked_folder(run.directory):
        return _evaluate(data, run, seed, console)


def _evaluate(data: PreparedData, run: Run, seed: int, console: Console) -> dict[str, Any]:
    test = data.songs_of(TEST)
    baseline_predictions, pattern_predictions = _predict(data, run, seed, console)
    predictions = baseline_predictions | {
        configuration.name: by_pattern.popularity[-1]
        for configuration, by_pattern in pattern_predictions.items()
    }
    truth = test.popularity.to_numpy("float64")
    measured = {name: metrics(truth, vector, seed) for name, vector in predictions.items()}
    evaluation = {
        "protocol": _protocol(data),
        "baselines": {name: measured[name] for name in BASELINES},
        "models": {
            configuration.name: measured[configuration.name]
            for configuration in pattern_predictions
        },
        "intervals": {
            configuration.name: _intervals(configuration, test, by_pattern)
            for configuration, by_pattern in pattern_predictions.items()
        },
        "missing_fields": {
            configuration.name: _missing_fields(truth, pattern_predictions[configuration])
            for configuration in run.best_by_branch().values()
            if configuration.reads_metadata
        },
    }
    _write_results(data, run, _predictions_table(test, predictions), evaluation, seed)
    return evaluation


def _predict(
    data: PreparedData, run: Run, seed: int, console: Console
) -> tuple[dict[str, Vector], dict[Configuration, _PatternPredictions]]:
    """Predictions of all baselines and all finished models for the test songs."""
    configurations = run.finished()
    total = len(configurations) + 1
    console.progress("baselines", 0, total)
    baseline_predictions = predict_baselines(
        data.songs_of(TRAIN), data.metadata_of(TRAIN), data.songs_of(TEST), seed
    )
    pattern_predictions = {}
    for done, configuration in enumerate(configurations, start=1):
        console.progress(f"predicting with {configuration}", done, total)
        model = run.load_model(configuration)
        with naming_damaged_records(data.shards_of(TEST)):
            popularity = predict_patterns(configuration, model, run, data, TEST)
        covariates = run_covariates(configuration, run, data.songs_of(TEST))
        pattern_predictions[configuration] = _PatternPredictions(
            popularity,
            *run.load_intervals(configuration).ends(popularity, covariates),
            covariates.has_history[-1],
        )
        keras.utils.clear_session(free_memory=True)
    console.progress("evaluated", total, total)
    return baseline_predictions, pattern_predictions


def _predictions_table(test: pd.DataFrame, predictions: dict[str, Vector]) -> pd.DataFrame:
    """The test songs with one column for each baseline and model."""
    columns = ["song_id", "artist", "title", "year", "popularity"]
    # With a prefix: the column of the baseline "year" must not replace the songs' year.
    predicted = pd.DataFrame(predictions).add_prefix(PREDICTED_PREFIX).round(3)
    return pd.concat([test[columns], predicted], axis=1)


def _write_results(
    data: PreparedData, run: Run, table: pd.DataFrame, evaluation: dict[str, Any], seed: int
) -> None:
    write_csv(run.directory / PREDICTIONS_FILE, table)
    figures = write_figures(data, run, table, evaluation, run.directory / "figures")
    write_report(data, run, table, evaluation, figures, seed)
    write_model_card(data, run, table, evaluation)
    # Last: current_model_card reads from it which models the card describes.
    write_json(run.directory / EVALUATION_FILE, evaluation)


def _intervals(
    configuration: Configuration, test: pd.DataFrame, predicted: _PatternPredictions
) -> dict[str, Any]:
    """Width and coverage of a model's intervals on the test songs with all fields known."""
    truth = test.popularity.to_numpy("float64")
    low, high = predicted.low[-1], predicted.high[-1]
    measured = interval_metrics(truth, low, high)
    if not configuration.reads_metadata:
        return measured
    year = test.year.to_numpy()
    by_group = interval_metrics_by_group(truth, low, high, year, predicted.has_history)
    return measured | {"groups": by_group}


def _missing_fields(truth: Vector, predicted: _PatternPredictions) -> list[dict[str, Any]]:
    """Metrics on the test songs for each pattern with at least one unknown field.

    Args:
        truth: ``(songs,)`` popularity of the test songs.
        predicted: by a model that reads metadata.
    """
    rows = [
        {
            "unknown": [field for field in FIELDS if field not in known],
            "mse": float(((truth - popularity) ** 2).mean()),
            "r2": r2(truth, popularity),
            **interval_metrics(truth, low, high),
        }
        for known, popularity, low, high in zip(
            MISSINGNESS_PATTERNS, predicted.popularity, predicted.low, predicted.high, strict=True
        )
    ]
    return rows[:-1]  # all fields are known in the last pattern


def _protocol(data: PreparedData) -> dict[str, Any]:
    split = data.manifest["split"]
    return {
        "split": split["protocol"],
        "seed": split["seed"],
        "n_train": len(data.songs_of(TRAIN)),
        "n_validation": len(data.songs_of(VALIDATION)),
        "n_test": len(data.songs_of(TEST)),
    }
