"""The folder of a training run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import holds_files, read_json, write_atomically, write_json
from pipelines.metadata import MetadataReader
from pipelines.prepared import PreparedData
from pipelines.words import PATTERNS, WORDS, pattern_of
from songpop_tf.config import RunConfig, load_config, save_config
from songpop_tf.training.conformal import COVERAGE, Vector

BRANCHES = ("text", "cnn", "combined")
CONFIGURATIONS = ("text_naive", "cnn_naive", "combined_naive", "text", "cnn", "combined")
"""Every model that a run may hold, in the order of training and of reports."""


def configurations(approach: str, branch: str) -> list[str]:
    """The configurations of an approach ("naive", "better", "both") and a branch (or "all")."""
    branches = list(BRANCHES) if branch == "all" else [branch]
    naive = [f"{name}_naive" for name in branches]
    return {"naive": naive, "better": branches, "both": naive + branches}[approach]


CONFIG = "config.toml"
_DATA = "data.json"


@dataclass(frozen=True)
class Run:
    """Models, histories and configuration of one training run.

    Attributes:
        directory: the run's folder.
        states: where unfinished fits keep their state, if not within the folder.
    """

    directory: Path
    states: Path | None = None

    @classmethod
    def start(cls, directory: Path, data: PreparedData, config: RunConfig) -> "Run":
        """Begin a run, or go on with one of the same data and configuration.

        Raises:
            InputError: the folder holds a run of other data or another configuration.
        """
        run = cls(directory)
        stored = {"data": str(data.directory.resolve()), "fingerprints": _fingerprints(data)}
        if (directory / CONFIG).is_file():
            if run.config() != config:
                raise InputError(
                    f"{directory}: expected a run of this configuration, found another "
                    f"({directory / CONFIG}); choose another --out, or go on with it by --config"
                )
            run.check_data(data)
            return run
        if directory.exists() and not directory.is_dir():
            raise InputError(f"{directory}: expected a folder, found a file")
        if holds_files(directory, besides=[_DATA]):
            raise InputError(f"{directory}: expected an empty folder or a run, found other files")
        write_json(directory / _DATA, stored)
        save_config(config, directory / CONFIG)
        return run

    @classmethod
    def open(cls, directory: Path) -> "Run":
        """Open an existing run.

        Raises:
            InputError: the folder holds no run.
        """
        if not (directory / CONFIG).is_file():
            raise InputError(
                f"{directory}: expected a training run, found no {CONFIG}; run `songpop-tf train`"
            )
        return cls(directory)

    def config(self) -> RunConfig:
        """The whole configuration of the run."""
        return load_config(self.directory / CONFIG)

    def check_data(self, data: PreparedData) -> None:
        """Make sure that ``data`` is what the run was trained on.

        Raises:
            InputError: it is not.
        """
        stored = read_json(self.directory / _DATA)
        if stored["fingerprints"] != _fingerprints(data):
            raise InputError(
                f"{data.directory}: expected the data that {self.directory} was trained on "
                f"({stored['data']}), received another preparation"
            )

    def finished(self) -> list[str]:
        """The configurations that have been trained."""
        return [name for name in CONFIGURATIONS if self.history_path(name).is_file()]

    def load_model(self, name: str) -> keras.Model:
        """Load one of the finished models."""
        return keras.models.load_model(self.model_path(name), compile=False)

    def load_reader(self, name: str) -> MetadataReader:
        """Load the reader of a configuration with text."""
        return MetadataReader.load(self.reader_directory(name))

    def load_history(self, name: str) -> list[dict[str, Any]]:
        """One entry for each epoch of a finished configuration."""
        history: list[dict[str, Any]] = read_json(self.history_path(name))
        return history

    def best_by_branch(self) -> dict[str, str]:
        """The configuration to ask for each branch: the naive one where there is no other."""
        finished = self.finished()
        named = ((branch, f"{branch}{kind}") for branch in BRANCHES for kind in ("_naive", ""))
        return {branch: name for branch, name in named if name in finished}

    def half_widths(self, name: str) -> Vector:
        """Points to either side of a prediction within which 90 % of songs lie.

        Returns:
            ``(8,)``, one for each of :data:`pipelines.words.PATTERNS`.
        """
        stored = read_json(self._interval_path(name)).get("half_widths")
        if stored is None:
            raise InputError(
                f"{self._interval_path(name)}: expected half_widths, found none; train again, "
                "this run is of an earlier version"
            )
        return np.array([stored[_listed(pattern)] for pattern in PATTERNS])

    def half_widths_of(self, name: str, songs: pd.DataFrame) -> Vector:
        """The same for each row of a table with the columns artist, title and year."""
        words = (tf.constant(songs[word].to_numpy()) for word in WORDS)
        widths: Vector = self.half_widths(name)[pattern_of(*words).numpy()]
        return widths

    def finish(
        self, name: str, model: keras.Model, history: list[dict[str, float]], half_widths: Vector
    ) -> None:
        """Store a trained model; its history is written last and marks it as finished.

        Args:
            half_widths: as :meth:`half_widths` will return them.
        """
        with write_atomically(self.model_path(name)) as temporary:
            model.save(temporary)
        self.store_half_widths(name, half_widths)
        write_json(self.history_path(name), history)
        self.state_path(name).unlink(missing_ok=True)
        for state in self.state_path(name).with_suffix("").glob("*.npz"):
            state.unlink()

    def store_half_widths(self, name: str, half_widths: Vector) -> None:
        """Store what :meth:`half_widths` returns."""
        by_known = {
            _listed(pattern): float(width)
            for pattern, width in zip(PATTERNS, half_widths, strict=True)
        }
        write_json(self._interval_path(name), {"coverage": COVERAGE, "half_widths": by_known})

    def state_path(self, stage: str) -> Path:
        """Where an unfinished fit keeps its state; a configuration's other fits are "name/fit"."""
        return (self.states or self.directory / "state") / f"{stage}.npz"

    def reader_directory(self, name: str) -> Path:
        """Naive models know the small set only, the others the large one too."""
        kind = "naive" if name.endswith("_naive") else "pretrained"
        return self.directory / "readers" / kind

    def history_path(self, name: str) -> Path:
        """The file whose presence means that a configuration is finished."""
        return self.directory / "history" / f"{name}.json"

    def _interval_path(self, name: str) -> Path:
        return self.directory / "intervals" / f"{name}.json"

    def model_path(self, name: str) -> Path:
        return self.directory / "models" / f"{name}.keras"


def _listed(pattern: tuple[str, ...]) -> str:
    return ", ".join(pattern) or "nothing"


def _fingerprints(data: PreparedData) -> dict[str, Any]:
    fingerprints: dict[str, Any] = data.manifest["fingerprints"]
    return fingerprints
