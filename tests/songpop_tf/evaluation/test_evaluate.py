"""The files that the evaluation of a run writes."""

import json

import pandas as pd
import pytest

from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS
from pipelines.prepared_data import PreparedData
from songpop_tf.evaluation.metrics import metrics
from songpop_tf.training.configurations import CONFIGURATIONS, find_configuration
from songpop_tf.training.inference import drop_fields, run_covariates
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


def test_intervals_are_measured_on_the_test_songs(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    table = pd.read_csv(evaluated_run.directory / "predictions.csv")
    for configuration in CONFIGURATIONS:
        name = configuration.name
        covariates = run_covariates(configuration, evaluated_run, data.songs_of("test"))
        prediction = table[f"predicted_{name}"].to_numpy()
        intervals = evaluated_run.load_intervals(configuration)
        low, high = intervals.ends(prediction, covariates.of_pattern(-1))
        measured = evaluation["intervals"][name]
        assert measured["coverage"] == table.popularity.between(low, high).mean()
        assert measured["width"] == pytest.approx((high - low).mean(), abs=0.01)
        assert ("groups" in measured) == configuration.reads_metadata


def test_missing_fields_are_measured_one_by_one_and_together(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    assert set(evaluation["missing_fields"]) == {"text", "combined"}
    text = find_configuration("text")
    covariates = run_covariates(text, evaluated_run, data.songs_of("test"))
    model, preprocessor = evaluated_run.load_model(text), evaluated_run.load_preprocessor(text)
    for measured in evaluation["missing_fields"]["text"]:
        known = tuple(field for field in FIELDS if field not in measured["unknown"])
        songs = drop_fields(data.songs_of("test"), known)
        inputs = preprocessor.to_model_inputs(preprocessor.tokenize_table(songs))
        prediction = model(inputs).numpy()[:, 0]
        squared_error = (songs.popularity - prediction) ** 2
        assert measured["mse"] == pytest.approx(squared_error.mean(), rel=1e-4)
        of_pattern = covariates.of_pattern(MISSINGNESS_PATTERNS.index(known))
        low, high = evaluated_run.load_intervals(text).ends(prediction, of_pattern)
        assert measured["width"] == pytest.approx((high - low).mean(), rel=1e-4)


def test_predictions_csv_reproduces_the_metrics(
    evaluation: dict, evaluated_run: Run, data: PreparedData
) -> None:
    table = pd.read_csv(evaluated_run.directory / "predictions.csv")
    assert table.song_id.tolist() == data.songs_of("test").song_id.tolist()
    truth = table.popularity.to_numpy("float64")
    for name in NAMES:
        measured = metrics(truth, table[f"predicted_{name}"].to_numpy("float64"), seed=0)
        assert measured["mse"] == pytest.approx(evaluation["models"][name]["mse"], rel=1e-3)
