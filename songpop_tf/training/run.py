"""The folder of a training run."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import (
    StrPath,
    contains_files,
    file_fingerprint,
    fingerprint,
    read_json,
    write_atomically,
    write_json,
)
from pipelines.locks import locked_folder
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.year_quantiles import fit_year_quantiles, write_year_quantiles
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.config import RunConfig, load_config, save_config
from songpop_tf.training.callbacks import History
from songpop_tf.training.configurations import BRANCHES, CONFIGURATIONS, Configuration
from songpop_tf.training.conformal import PredictionIntervals

RUN_FORMAT = 5
"""Changes whenever a run of an earlier version cannot be read."""
CONFIG_FILE = "config.toml"
_DATA_FILE = "data.json"


@dataclass(frozen=True)
class Run:
    """Models, histories and configuration of one training run.

    Attributes:
        directory: the run's folder.
        checkpoints: folder of the checkpoints, if not within the run.
    """

    directory: Path
    checkpoints: Path | None = None

    @classmethod
    def start(cls, directory: StrPath, data: PreparedData, config: RunConfig) -> "Run":
        """Create a run, or resume one with the same data and configuration.

        Raises:
            InputError: the folder holds a run of other data or another configuration, or other
                files; or another process trains a run there.
        """
        directory = Path(directory)
        run = cls(directory)
        if (directory / CONFIG_FILE).is_file():
            _check_format(directory)
            if run.config() != config:
                raise InputError(
                    f"{directory}: expected a run with this configuration, received another "
                    f"({directory / CONFIG_FILE}); choose another --out, or pass that file as "
                    "--config to resume it"
                )
            run.check_data(data)
            return run
        if directory.exists() and not directory.is_dir():
            raise InputError(f"{directory}: expected a folder, received a file")
        if contains_files(directory, ignore=[_DATA_FILE]):
            raise InputError(
                f"{directory}: expected an empty folder or a run, received one with other files"
            )
        content = {
            "format": RUN_FORMAT,
            "data": str(data.directory.resolve()),
            "fingerprints": _fingerprints(data),
        }
        with locked_folder(directory):
            write_json(directory / _DATA_FILE, content)
            save_config(config, directory / CONFIG_FILE)
        return run

    @classmethod
    def open(cls, directory: StrPath) -> "Run":
        """Open an existing run.

        Raises:
            InputError: the folder holds no run, or one of another version.
        """
        directory = Path(directory)
        if not (directory / CONFIG_FILE).is_file():
            raise InputError(
                f"{directory}: expected a training run, received {_what_is_there(directory)}; "
                "run `songpop-tf train`"
            )
        _check_format(directory)
        return cls(directory)

    def config(self) -> RunConfig:
        """The complete configuration of the run."""
        return load_config(self.directory / CONFIG_FILE)

    def check_data(self, data: PreparedData) -> None:
        """Check that the run was trained on ``data``.

        Raises:
            InputError: it was not.
        """
        path = self.directory / _DATA_FILE
        with reading(path, "the data of a run"):
            stored = read_json(path)
            source, fingerprints = stored["data"], stored["fingerprints"]
        if fingerprints != _fingerprints(data):
            raise InputError(
                f"{data.directory}: expected the data that {self.directory} was trained on "
                f"({source}), received another preparation"
            )

    def finished(self) -> list[Configuration]:
        """The configurations whose training is complete."""
        return [
            configuration
            for configuration in CONFIGURATIONS
            if self.history_path(configuration).is_file()
        ]

    def best_by_branch(self) -> dict[str, Configuration]:
        """The configuration that predicts for each branch: pre-trained, else naive."""
        finished = self.finished()
        # Later entries replace earlier ones, and the pre-trained configurations come last.
        best = {configuration.branch: configuration for configuration in finished}
        return {branch: best[branch] for branch in BRANCHES if branch in best}

    def fingerprint(self) -> str:
        """Identifies the models that predict, by their content."""
        trained = self.best_by_branch().values()
        return fingerprint(
            *(file_fingerprint(self.history_path(configuration)) for configuration in trained),
            *(file_fingerprint(self.model_path(configuration)) for configuration in trained),
            *(self.load_intervals(configuration).to_json() for configuration in trained),
        )

    def load_model(self, configuration: Configuration) -> keras.Model:
        """Load a finished model.

        Raises:
            InputError: its file is missing or damaged.
        """
        path = self.model_path(configuration)
        with reading(path, "a model in Keras' format"):
            return keras.models.load_model(path, compile=False)

    def load_preprocessor(self, configuration: Configuration) -> MetadataPreprocessor:
        """Load the preprocessor of a configuration that reads metadata.

        Raises:
            InputError: a file is missing or damaged.
        """
        return MetadataPreprocessor.load(self.preprocessor_directory(configuration))

    def load_history(self, configuration: Configuration) -> list[dict[str, Any]]:
        """One entry for each epoch of a finished configuration.

        Raises:
            InputError: its file is missing or damaged.
        """
        path = self.history_path(configuration)
        with reading(path, "a history of epochs"):
            history: list[dict[str, Any]] = read_json(path)
            return history

    def load_intervals(self, configuration: Configuration) -> PredictionIntervals:
        """Load the prediction intervals of a finished model.

        Raises:
            InputError: their file is missing or damaged.
        """
        path = self._interval_path(configuration)
        with reading(path, "prediction intervals"):
            return PredictionIntervals.from_json(read_json(path))

    def save_model(
        self,
        configuration: Configuration,
        model: keras.Model,
        history: History,
        intervals: PredictionIntervals,
    ) -> None:
        """Store a trained model and remove its checkpoints.

        The history is written last: it marks the configuration as finished.

        Args:
            configuration: of the model.
            model: with its best weights.
            history: of all its training stages.
            intervals: its prediction intervals.
        """
        with write_atomically(self.model_path(configuration)) as temporary:
            model.save(temporary)
        self.save_intervals(configuration, intervals)
        write_json(self.history_path(configuration), history)
        self.checkpoint_path(configuration.name).unlink(missing_ok=True)
        # Configurations of several stages have a folder of checkpoints.
        folder = self.checkpoint_path(configuration.name).with_suffix("")
        shutil.rmtree(folder, ignore_errors=True)

    def save_intervals(self, configuration: Configuration, intervals: PredictionIntervals) -> None:
        """Store what `load_intervals` returns."""
        write_json(self._interval_path(configuration), intervals.to_json())

    def save_year_quantiles(self, data: PreparedData) -> None:
        """Store how popular the training songs of each year are, unless that is done."""
        if not self.year_quantiles_path.is_file():
            songs = data.songs_of(TRAIN)
            quantiles = fit_year_quantiles(songs.year.to_numpy(), songs.popularity.to_numpy())
            write_year_quantiles(self.year_quantiles_path, quantiles)

    @property
    def year_quantiles_path(self) -> Path:
        """File of the quantiles; absent in runs of earlier versions."""
        return self.directory / "year_quantiles.json"

    def checkpoint_path(self, stage: str) -> Path:
        """File of a stage's checkpoint; a stage is named "cnn" or "text/finetuning"."""
        return (self.checkpoints or self.directory / "checkpoints") / f"{stage}.npz"

    def preprocessor_directory(self, configuration: Configuration) -> Path:
        """Naive models know the training songs alone, the others the pre-training set too."""
        name = "pretrained" if configuration.pretrained else "naive"
        return self.directory / "preprocessors" / name

    def history_path(self, configuration: Configuration) -> Path:
        """File whose presence marks a configuration as finished."""
        return self.directory / "history" / f"{configuration.name}.json"

    def model_path(self, configuration: Configuration) -> Path:
        """File of a finished model."""
        return self.directory / "models" / f"{configuration.name}.keras"

    def _interval_path(self, configuration: Configuration) -> Path:
        return self.directory / "intervals" / f"{configuration.name}.json"


def _what_is_there(directory: Path) -> str:
    """Describe a path that is no training run."""
    if directory.is_dir():
        return f"a folder without {CONFIG_FILE}"
    return "a file" if directory.exists() else "a missing folder"


def _check_format(directory: Path) -> None:
    path = directory / _DATA_FILE
    received = RUN_FORMAT
    if path.is_file():
        with reading(path, "the data of a run"):
            received = read_json(path).get("format", 1)
    if received != RUN_FORMAT:
        raise InputError(
            f"{directory}: expected a run of format {RUN_FORMAT}, received format {received} of "
            "another songpop_tf version; train again into another folder"
        )


def _fingerprints(data: PreparedData) -> dict[str, Any]:
    fingerprints: dict[str, Any] = data.manifest["fingerprints"]
    return fingerprints
