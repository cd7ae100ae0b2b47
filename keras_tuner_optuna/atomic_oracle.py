"""`AtomicOracle`: an oracle with crash-safe files."""

import os
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import Trial

from .local_files import is_local, write_json


class AtomicOracle(keras_tuner.Oracle):  # type: ignore[misc]  # Keras Tuner is untyped
    """Mixin that writes an oracle's files atomically.

    Keras Tuner overwrites its files in place, so that a kill may leave a truncated or an empty one.
    List this class before the oracle's class:

        class AtomicRandomSearch(AtomicOracle, keras_tuner.oracles.RandomSearchOracle): ...
    """

    def save(self) -> None:
        """Write the oracle's state to the project directory."""
        if is_local(self._project_dir):
            write_json(self._get_oracle_fname(), self.get_state())
        else:
            super().save()

    def _save_trial(self, trial: Trial) -> None:
        if is_local(self._project_dir):
            path = os.path.join(self._get_trial_dir(trial.trial_id), "trial.json")
            write_json(path, trial.get_state())
        else:
            super()._save_trial(trial)

    def _set_project_dir(self, directory: str | os.PathLike[str], project_name: str) -> None:
        super()._set_project_dir(directory, project_name)
        # Keras Tuner's tuner overwrites a file of its own in place, and cannot read an empty one.
        for file in Path(self._project_dir).glob("*.json"):
            if file.stat().st_size == 0:
                file.unlink()
