"""The files that the evaluation of a run writes."""

import json

import pandas as pd
import pytest

from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepared_data import PreparedData
from songpop_tf.evaluation.metrics import metrics
from songpop_tf.training.configurations import CONFIGURATIONS, find_configuration
from songpop_tf.training.inference import drop_fields
from songpop_tf.training.run import Run

METRICS = {"n", "mse", "rmse", "mae", "r2", "spearman", "within_15", "mse_ci"}
NAMES = [configuration.name for configuration in CONFIGURATIONS]


def test_evaluation_json_has_the_documented_keys(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    assert json.loads((evaluated_run.directory / "evaluation.json").read_text()) == evaluation
    assert set(evaluation) == {"protocol", "baselines", "models", "intervals", "missing_fields"}
    assert set(evaluation["baselines"]) == {"mean", "year", "boosting"}
    assert set(evaluation["models"]) == set(NAMES)
    for measured in (evaluation["baselines"] | evaluation["models"]).values():
        assert set(measured) == METRICS
        low, high = measured["mse_ci"]
        assert low <= measured["mse"] <= high
    sizes = data.manifest["counts"]["songs"]
    assert evaluation["protocol"] == {
        "split": "random",
        "seed": 0,
        **{f"n_{split}": sizes[split] for split in ("train", "validation", "test")},
    }


def test_intervals_are_measured_on_the_test_songs(evaluation: dict, evaluated_run: Run) -> None:
    table = pd.read_csv(evaluated_run.directory / "predictions.csv")
    for name in NAMES:
        measured = evaluation["intervals"][name]
        error = (table.popularity - table[f"predicted_{name}"]).abs()
        coverage = (error <= measured["half_width"]).mean()
        assert measured["coverage"] == pytest.approx(coverage, abs=0.15)
        assert 0 < measured["half_width"] <= 100


def test_missing_fields_are_measured_one_by_one_and_together(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    assert set(evaluation["missing_fields"]) == {"text", "combined"}
    text = find_configuration("text")
    half_widths = dict(zip(MISSINGNESS_PATTERNS, evaluated_run.half_widths(text), strict=True))
    model, preprocessor = evaluated_run.load_model(text), evaluated_run.load_preprocessor(text)
    for measured in evaluation["missing_fields"]["text"]:
        known = tuple(field for field in FIELDS if field not in measured["unknown"])
        assert measured["half_width"] == half_widths[known]
        songs = drop_fields(data.songs_of("test"), known)
        inputs = preprocessor.to_model_inputs(preprocessor.tokenize_table(songs))
        squared_error = (songs.popularity - model(inputs).numpy()[:, 0]) ** 2
        assert measured["mse"] == pytest.approx(squared_error.mean(), rel=1e-4)


def test_predictions_csv_reproduces_the_metrics(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    table = pd.read_csv(evaluated_run.directory / "predictions.csv")
    assert table.song_id.tolist() == data.songs_of("test").song_id.tolist()
    truth = table.popularity.to_numpy("float64")
    for name in NAMES:
        measured = metrics(truth, table[f"predicted_{name}"].to_numpy("float64"), seed=0)
        assert measured["mse"] == pytest.approx(evaluation["models"][name]["mse"], rel=1e-3)
