"""The evaluation of a run: numbers, report and figures."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from pipelines.prepared import PreparedData
from pipelines.words import PATTERNS, WORDS
from songpop_tf.evaluation.card import card_of
from songpop_tf.evaluation.evaluate import evaluate
from songpop_tf.evaluation.figures import training_curves
from songpop_tf.evaluation.metrics import metrics
from songpop_tf.evaluation.report import text_table
from songpop_tf.training.inputs import knowing
from songpop_tf.training.run import CONFIGURATIONS, Run
from tests.conftest import SilentConsole

MEASURED = {"n", "mse", "rmse", "mae", "r2", "spearman", "within_15", "mse_ci"}


@pytest.fixture(scope="module")
def run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of its own: what `evaluate` writes is not in the one that all tests read."""
    copy = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(run.directory, copy)
    return Run.open(copy)


@pytest.fixture(scope="module")
def evaluation(run: Run, data: PreparedData) -> dict:
    return evaluate(data, run, 0, SilentConsole())


def test_the_file_keeps_the_contract(evaluation: dict, run: Run, data: PreparedData) -> None:
    assert json.loads((run.directory / "evaluation.json").read_text()) == evaluation
    assert set(evaluation) == {"protocol", "baselines", "models", "intervals", "words_missing"}
    assert set(evaluation["baselines"]) == {"mean", "year", "boosting"}
    assert set(evaluation["models"]) == set(CONFIGURATIONS)
    for measured in (evaluation["baselines"] | evaluation["models"]).values():
        assert set(measured) == MEASURED
        low, high = measured["mse_ci"]
        assert low <= measured["mse"] <= high
    sizes = data.manifest["counts"]["songs"]
    assert evaluation["protocol"] == {
        "split": "random",
        "seed": 0,
        **{f"n_{split}": sizes[split] for split in ("train", "validation", "test")},
    }


def test_intervals_are_measured_on_the_test_songs(evaluation: dict, run: Run) -> None:
    table = pd.read_csv(run.directory / "predictions.csv")
    for name in CONFIGURATIONS:
        one = evaluation["intervals"][name]
        error = (table.popularity - table[f"predicted_{name}"]).abs()
        assert one["coverage"] == pytest.approx((error <= one["half_width"]).mean(), abs=0.15)
        assert 0 < one["half_width"] <= 100


def test_words_are_left_out_one_by_one_and_together(
    evaluation: dict, run: Run, data: PreparedData
) -> None:
    assert set(evaluation["words_missing"]) == {"text", "combined"}
    widths = dict(zip(PATTERNS, run.half_widths("text"), strict=True))
    for one in evaluation["words_missing"]["text"]:
        known = tuple(word for word in WORDS if word not in one["unknown"])
        assert one["half_width"] == widths[known]
        songs = knowing(data.songs_of("test"), known)
        reader = run.load_reader("text")
        predicted = run.load_model("text")(reader.inputs(reader.encode_table(songs))).numpy()[:, 0]
        assert one["mse"] == pytest.approx(((songs.popularity - predicted) ** 2).mean(), rel=1e-4)
    report = (run.directory / "report.md").read_text()
    assert "| artist, title, year |" in report
    assert "| title |" in report


def test_predictions_give_the_metrics(evaluation: dict, run: Run, data: PreparedData) -> None:
    table = pd.read_csv(run.directory / "predictions.csv")
    assert table.song_id.tolist() == data.songs_of("test").song_id.tolist()
    truth = table.popularity.to_numpy("float64")
    for name in CONFIGURATIONS:
        again = metrics(truth, table[f"predicted_{name}"].to_numpy("float64"), seed=0)
        assert again["mse"] == pytest.approx(evaluation["models"][name]["mse"], rel=1e-3)


def test_the_report_shows_every_configuration_and_its_figures(evaluation: dict, run: Run) -> None:
    report = (run.directory / "report.md").read_text()
    for name in ("mean", "year", "boosting", *CONFIGURATIONS):
        assert f"| {name} |" in report
    assert "**Best: " in report
    figures = re.findall(r"\]\((figures/[a-z_]+\.png)\)", report)
    assert len(figures) == 5
    for figure in figures:
        with Image.open(run.directory / figure) as image:
            width, height = image.size
        assert width > 400
        assert height > 200


def test_the_card_counts_every_test_song_by_decade_and_popularity(
    evaluation: dict, run: Run
) -> None:
    card = (run.directory / "model_card.md").read_text()
    models = evaluation["models"]
    best = min(("text", "cnn", "combined"), key=lambda name: models[name]["mse"])
    assert card.startswith(f"# Model card: {best}\n"), "naive models answer nobody here"
    assert "rows of a large table" in card
    truth = pd.read_csv(run.directory / "predictions.csv").popularity
    for name in ("decade", "popularity"):
        table = card.split(f"| {name} | songs |")[1].split("\n\n")[0]
        counts = [int(line.split("|")[2]) for line in table.splitlines()[2:]]
        assert sum(counts) == evaluation["protocol"]["n_test"]
    assert f"| 40-59 | {truth.between(40, 59).sum()} |" in card


@pytest.mark.usefixtures("evaluation")
def test_a_card_is_that_of_the_models_measured(run: Run, tmp_path: Path) -> None:
    assert card_of(run) == run.directory / "model_card.md"
    path = shutil.copytree(run.directory, tmp_path / "run") / "evaluation.json"
    measured = json.loads(path.read_text())
    for name in ("cnn_naive", "cnn"):
        del measured["models"][name]
        path.write_text(json.dumps(measured))
        of_those_that_answer = name == "cnn_naive"
        assert (card_of(Run(path.parent)) is not None) == of_those_that_answer


def kept(history: list[dict]) -> tuple[int, float]:
    """The epoch that the training curves mark as kept, and its validation MSE."""
    axes = training_curves({"some": history}).axes[0]
    mark = next(line for line in axes.lines if line.get_label() == "kept")
    return mark.get_xdata().item(), mark.get_ydata().item()


def test_the_epoch_marked_as_kept_is_one_of_the_last_fit() -> None:
    epochs = [(1, 1, 90.0), (2, 1, 50.0), (3, 2, 80.0), (4, 2, 70.0), (5, 2, 75.0)]
    history = [
        {"epoch": epoch, "fit": fit, "loss": loss, "val_loss": loss} for epoch, fit, loss in epochs
    ]
    assert kept(history) == (4, 70.0)


def test_histories_of_older_runs_are_drawn() -> None:
    history = [{"epoch": epoch, "loss": 9.0, "val_loss": 9.0 - epoch} for epoch in (1, 2)]
    assert kept(history) == (2, 7.0)


def test_the_table_says_how_near_the_best_reachable_a_model_is(evaluation: dict) -> None:
    table = text_table(evaluation, {"text": 0.5, "cnn": 0.25, "combined": 0.8})
    line = next(line for line in table.splitlines() if line.startswith("combined "))
    assert f"{evaluation['models']['combined']['r2'] / 0.8:.0%} of 0.800" in line
    assert "reachable" not in text_table(evaluation)
