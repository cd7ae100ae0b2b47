"""Log a run to MLflow: settings, metrics of every epoch, and files.

The id of MLflow's run is stored in the folder of the run, so that a resumed training and the
evaluation add to the same one. Nothing here is imported without the extra ``mlflow``.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import keras

from pipelines.errors import InputError
from pipelines.extras import require_extra
from pipelines.file_errors import reading
from pipelines.io import read_json, write_json
from songpop_tf.config import RunConfig
from songpop_tf.training.run import CONFIG_FILE, Run

MLFLOW_FILE = "mlflow.json"
"""File of a run with the URI of the tracking server and MLflow's id of the run."""
EXPERIMENT = "songpop_tf"

_EVALUATION_FILES = ("evaluation.json", "report.md", "model_card.md", "figures")


@dataclass(frozen=True)
class MLflowLog:
    """A run in an MLflow experiment.

    Attributes:
        uri: of the tracking server or database.
        client: `mlflow.MlflowClient`.
        run_id: MLflow's.
        run: of this package.
    """

    uri: str
    client: Any
    run_id: str
    run: Run

    @classmethod
    def start(cls, uri: str, run: Run, config: RunConfig) -> Self:
        """Create the MLflow run of a run, or resume it.

        Args:
            uri: of the tracking server or database, such as "http://localhost:5000" or
                "sqlite:///mlflow.db".
            run: to log.
            config: of the run, logged as parameters such as ``cnn.bands``.

        Raises:
            InputError: MLflow is not installed, or does not accept ``uri``.
        """
        path = run.directory / MLFLOW_FILE
        require_extra("mlflow", "mlflow", "mlflow")
        with _naming(uri):
            client = _client(uri)
            stored = _read(path) if path.is_file() else {}
            if stored.get("uri") == uri:
                run_id = stored["run_id"]
                client.update_run(run_id, status="RUNNING")
            else:
                run_id = _create_run(client, run.directory.name)
                write_json(path, {"uri": uri, "run_id": run_id})
            for name, value in _flatten(asdict(config)).items():
                client.log_param(run_id, name, value)
            client.log_artifact(run_id, str(run.directory / CONFIG_FILE))
        return cls(uri, client, run_id, run)

    @classmethod
    def open(cls, run: Run) -> Self | None:
        """The MLflow run that a run was logged to; None if it was not.

        Raises:
            InputError: the file that names it is damaged, or MLflow is not installed.
        """
        path = run.directory / MLFLOW_FILE
        if not path.is_file():
            return None
        require_extra("mlflow", "mlflow", "mlflow")
        stored = _read(path)
        with _naming(stored["uri"]):
            return cls(stored["uri"], _client(stored["uri"]), stored["run_id"], run)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Log the models at the end, and mark the MLflow run as finished or failed.

        Raises:
            InputError: the server cannot be reached any more; the training can be resumed.
        """
        with _naming(self.uri):
            try:
                yield
            except BaseException:
                self.client.set_terminated(self.run_id, "FAILED")
                raise
            for configuration in self.run.finished():
                path = str(self.run.model_path(configuration))
                self.client.log_artifact(self.run_id, path, "models")
            self.client.set_terminated(self.run_id, "FINISHED")

    def callbacks(self, stage: str) -> Sequence[keras.callbacks.Callback]:
        """Callbacks that log the metrics of a training stage, such as ``text/pretraining/loss``."""
        return [_MetricsLog(self, stage)]

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log numbers; ``step`` is the epoch, from 1 on."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entries = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=entries)

    def log_folder(self, folder: Path, artifact_path: str) -> None:
        """Log a folder of files."""
        self.client.log_artifacts(self.run_id, str(folder), artifact_path)

    def log_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Log the test metrics of each model, the report and the figures.

        Args:
            evaluation: content of ``evaluation.json``.

        Raises:
            InputError: the server cannot be reached.
        """
        numbers = {
            f"test/{model}/{name}": value
            for model, metrics in evaluation["models"].items()
            for name, value in metrics.items()
            if isinstance(value, float)
        }
        with _naming(self.uri):
            self.log_metrics(numbers)
            for name in _EVALUATION_FILES:
                path = self.run.directory / name
                if path.is_dir():
                    self.client.log_artifacts(self.run_id, str(path), name)
                elif path.is_file():
                    self.client.log_artifact(self.run_id, str(path))


class _MetricsLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    def __init__(self, log: MLflowLog, stage: str) -> None:
        super().__init__()
        self._log, self._stage = log, stage

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        metrics = {f"{self._stage}/{name}": value for name, value in (logs or {}).items()}
        self._log.log_metrics(metrics, step=epoch + 1)


def _client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


@contextmanager
def _naming(uri: str) -> Iterator[None]:
    """Turn what MLflow raises for a URI into one line that names it."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{uri}: expected an MLflow server or database: {reason}") from error


def _create_run(client: Any, name: str) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    identifier = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
    return str(client.create_run(identifier, run_name=name).info.run_id)


def _read(path: Path) -> dict[str, str]:
    with reading(path, "the MLflow run of a run"):
        stored = read_json(path)
        return {name: stored[name] for name in ("uri", "run_id")}


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
