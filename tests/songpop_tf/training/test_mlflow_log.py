"""Training and evaluation in MLflow, on a local database."""

from pathlib import Path
from typing import Any

import keras
import pandas as pd
import pytest

import songpop_tf
from pipelines import extras
from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.training.mlflow_log import EXPERIMENT, MLflowLog
from songpop_tf.training.run import Run
from tests.conftest import TINY, SilentConsole
from tests.test_docs import code_blocks


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.chdir(tmp_path)  # artifacts are stored there
    return f"sqlite:///{tmp_path}/mlflow.db"


class Interruption(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Raises after the first epoch."""

    def on_epoch_end(self, *_: Any) -> None:
        raise KeyboardInterrupt


def train(data: PreparedData, out: Path, uri: str, **options: Any) -> None:
    songpop_tf.train(
        *(data.directory, out),
        approach="naive",
        branch="text",
        config=TINY,
        mlflow=uri,
        console=SilentConsole(),
        **options,
    )


def test_resumed_training_and_evaluation_are_one_mlflow_run(
    data: PreparedData, uri: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    out, client = tmp_path / "run", MlflowClient(tracking_uri=uri)
    with pytest.raises(KeyboardInterrupt):
        train(data, out, uri, callbacks=[Interruption()])
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.status == "FAILED"
    train(data, out, uri)
    songpop_tf.evaluate(data.directory, out, console=SilentConsole())
    (logged,) = client.search_runs([experiment.experiment_id])
    assert (logged.info.status, logged.info.run_name) == ("FINISHED", "run")
    assert logged.data.params["metadata.vocabulary_size"] == "300"
    history = client.get_metric_history(logged.info.run_id, "text_naive/val_loss")
    assert {metric.step for metric in history} == {1, 2}
    assert logged.data.metrics["test/text_naive/mse"] > 0
    names = {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert {"config.toml", "figures", "models", "report.md"} <= names
    (model,) = client.list_artifacts(logged.info.run_id, "models")
    assert model.path == "models/text_naive.keras"
    check_logged_model(uri, logged.info.run_id, out)


def check_logged_model(uri: str, run_id: str, run: Path) -> None:
    """Its signature is checked by MLflow, and it predicts as the run."""
    from mlflow.exceptions import MlflowException

    script, *_ = code_blocks("docs/training.md", "python")
    script = script.replace("RUN_ID", run_id).replace("sqlite:///mlflow.db", uri)
    variables: dict[str, Any] = {}
    exec(compile(script, "documentation", "exec"), variables)
    model = variables["model"]
    inputs, outputs = model.metadata.get_input_schema(), model.metadata.get_output_schema()
    assert inputs.input_names() == ["artist", "title", "year"]
    assert outputs.input_names() == ["popularity", "low", "high"]
    songs = pd.DataFrame({"artist": ["Queen", None], "year": [1977, 2001]})
    expected = songpop_tf.load(run).predict(songs.assign(title=None))
    pd.testing.assert_frame_equal(model.predict(songs), expected, atol=1e-3)
    with pytest.raises(MlflowException, match="year"):
        model.predict(pd.DataFrame({"year": ["soon"]}))


def test_unusable_uri_is_named(run: Run, uri: str) -> None:
    del uri
    with pytest.raises(InputError, match="nowhere://x: expected an MLflow server or database"):
        MLflowLog.start("nowhere://x", run, TINY)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'songpop-tf\[mlflow\]'"):
        MLflowLog.start("sqlite://", Run(tmp_path), TINY)


def test_run_without_mlflow_has_no_log(run: Run) -> None:
    assert MLflowLog.open(run) is None
