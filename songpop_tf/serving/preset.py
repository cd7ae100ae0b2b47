"""A preset as trained models, for `songpop_tf.load`."""

from dataclasses import dataclass
from pathlib import Path

import keras

from pipelines.errors import InputError
from pipelines.io import StrPath, file_fingerprint, fingerprint
from pipelines.metadata.preprocessor import MetadataPreprocessor
from songpop_tf.serving.schema import YEAR_QUANTILES_FILE
from songpop_tf.serving.song_popularity import SongPopularity
from songpop_tf.serving.song_preprocessor import SongPreprocessor
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import PredictionIntervals


@dataclass(frozen=True)
class Preset:
    """A task in the folder of a preset, in the form of a training run.

    Attributes:
        directory: the preset's folder.
        task: the networks and their intervals.
        preprocessor: of the task.
    """

    directory: Path
    task: SongPopularity
    preprocessor: SongPreprocessor

    @classmethod
    def open(cls, directory: StrPath) -> "Preset":
        """Load a preset.

        Raises:
            InputError: a file is missing or damaged, or the task has no preprocessor.
        """
        task = SongPopularity.from_preset(directory)
        if task.preprocessor is None:
            raise InputError(f"{directory}: expected a preset with a preprocessor, received none")
        return cls(Path(directory), task, task.preprocessor)

    def best_by_branch(self) -> dict[str, Configuration]:
        """The configurations by branch; all networks of a task share a preprocessor."""
        return {
            branch: Configuration(branch, pretrained=True) for branch in self.preprocessor.branches
        }

    def load_model(self, configuration: Configuration) -> keras.Model:
        """The network of a branch."""
        return self.task.network(configuration.branch)

    def load_preprocessor(self, configuration: Configuration) -> MetadataPreprocessor:
        """What converts artist, title and year, for any configuration."""
        del configuration
        return self.preprocessor.metadata

    def load_intervals(self, configuration: Configuration) -> PredictionIntervals:
        """The prediction intervals of a branch."""
        return self.task.intervals[configuration.branch]

    @property
    def year_quantiles_path(self) -> Path:
        """File of the quantiles; only `songpop-tf export` writes it."""
        return self.directory / YEAR_QUANTILES_FILE

    def fingerprint(self) -> str:
        """Identifies the models by their content."""
        files = sorted(path for path in self.directory.rglob("*") if path.is_file())
        return fingerprint(*map(file_fingerprint, files))
