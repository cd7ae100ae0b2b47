"""The model card of a run."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import ModelCard

from pipelines.prepared_data import PreparedData
from songpop_tf.evaluation.model_card import current_model_card, render_model_card, write_model_card
from songpop_tf.training.run import Run


def test_model_card_counts_every_test_song_by_decade_and_popularity(
    evaluation: dict, evaluated_run: Run
) -> None:
    card = (evaluated_run.directory / "model_card.md").read_text()
    models = evaluation["models"]
    best = min(("text", "cnn", "combined"), key=lambda name: models[name]["mse"])
    assert f"\n# Model card: {best}\n" in card, "no naive model is used for prediction"
    assert "a pre-training set of " in card
    truth = pd.read_csv(evaluated_run.directory / "predictions.csv").popularity
    for name in ("decade", "popularity"):
        table = card.split(f"| {name} | songs |")[1].split("\n\n")[0]
        counts = [int(line.split("|")[2]) for line in table.splitlines()[2:]]
        assert sum(counts) == evaluation["protocol"]["n_test"]
    assert f"| 40-59 | {truth.between(40, 59).sum()} |" in card


def test_hugging_face_reads_the_metrics(evaluation: dict, evaluated_run: Run) -> None:
    data = ModelCard((evaluated_run.directory / "model_card.md").read_text()).data
    (best,) = {result.dataset_name for result in data.eval_results}
    assert best == f"{evaluation['protocol']['n_test']} held-out songs"
    received = {result.metric_type: result.metric_value for result in data.eval_results}
    name = data.model_name.removeprefix("songpop-tf ")
    expected = evaluation["models"][name]
    for metric, key in (("mse", "mse"), ("mae", "mae"), ("r_squared", "r2")):
        assert received[metric] == pytest.approx(expected[key], rel=1e-3, abs=1e-3)
    assert data.library_name == "keras"
    assert data.license is None, "the owner of the data decides"
    predictions = pd.read_csv(evaluated_run.directory / "predictions.csv")
    assert ModelCard(render_model_card(name, "", predictions, "mit")).data.license == "mit"


@pytest.mark.usefixtures("evaluation")
def test_model_card_is_current_only_if_all_models_used_for_prediction_were_evaluated(
    evaluated_run: Run, tmp_path: Path
) -> None:
    assert current_model_card(evaluated_run) == evaluated_run.directory / "model_card.md"
    path = shutil.copytree(evaluated_run.directory, tmp_path / "run") / "evaluation.json"
    evaluation = json.loads(path.read_text())
    for name in ("cnn_naive", "cnn"):
        del evaluation["models"][name]
        path.write_text(json.dumps(evaluation))
        # The run predicts with "cnn", not with "cnn_naive".
        is_current = name == "cnn_naive"
        assert (current_model_card(Run(path.parent)) is not None) == is_current


@pytest.mark.parametrize(
    ("finished", "inputs"),
    [
        (["cnn_naive"], "from its spectrogram. Trained"),
        (["text"], "from its artist, title and year, or from those of them that are known."),
        (["text_naive", "cnn"], "from its spectrogram, artist, title and year, or from those"),
    ],
)
def test_model_card_names_only_what_the_models_of_the_run_read(
    evaluation: dict,
    evaluated_run: Run,
    data: PreparedData,
    tmp_path: Path,
    finished: list[str],
    inputs: str,
) -> None:
    run = Run(shutil.copytree(evaluated_run.directory, tmp_path / "run"))
    for path in (run.directory / "history").iterdir():
        if path.stem not in finished:
            path.unlink()
    predictions = pd.read_csv(run.directory / "predictions.csv")
    write_model_card(data, run, predictions, evaluation)
    card = (run.directory / "model_card.md").read_text()
    assert inputs in card
    assert ("a pre-training set of " in card) == ("text" in finished)
