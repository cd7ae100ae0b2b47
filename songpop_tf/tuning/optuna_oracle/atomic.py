"""An oracle whose files survive a kill."""

import os
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import Trial

from .files import is_local, write_json


class AtomicOracle(keras_tuner.Oracle):  # type: ignore[misc]  # Keras Tuner is untyped
    """Writes its files so that a kill leaves the old or the new, whole.

    Keras Tuner writes them in place: a kill may leave half of one, or nothing of it. Put this
    before the class of an oracle.
    """

    def save(self) -> None:
        """Writes the state to the project directory."""
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
        # Keras Tuner's tuner writes a file of its own in place, and fails to read an empty one.
        for file in Path(self._project_dir).glob("*.json"):
            if file.stat().st_size == 0:
                file.unlink()
