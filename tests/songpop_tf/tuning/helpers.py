"""What the tests of several modules use."""

from pathlib import Path
from typing import Any

import keras_tuner
import pandas as pd
from keras_tuner.engine.trial import Trial

from pipelines.prepared_data import PreparedData
from songpop_tf.tuning.oracles import OBJECTIVE, OracleOptions, create_oracle
from songpop_tf.tuning.search import SearchOptions, search
from tests.conftest import TINY, SilentConsole

DEFAULT_X = 0.75


class RecordingConsole(SilentConsole):
    """A console that records what is printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, text: str) -> None:
        self.lines.append(text)


class AbsoluteValueTuner(keras_tuner.Tuner):
    """Minimizes the absolute value of a hyperparameter, without a model.

    ``values`` are those tried; before trial ``stop_after`` it is interrupted.
    """

    def __init__(self, oracle: keras_tuner.Oracle, path: Path, stop_after: int = -1) -> None:
        super().__init__(oracle, build_space, directory=str(path), project_name="project")
        self.oracle.verbose = 0
        self.values: list[float] = []
        self._stop_after = stop_after

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        if len(self.values) == self._stop_after:
            raise KeyboardInterrupt
        self.values.append(trial.hyperparameters.get("x"))
        return {OBJECTIVE.name: abs(self.values[-1])}

    def save(self) -> None:
        self.oracle.save()


def build_space(hp: keras_tuner.HyperParameters) -> None:
    hp.Float("x", -1, 1, default=DEFAULT_X)


def new_oracle(algorithm: str, path: Path, trials: int = 6) -> keras_tuner.Oracle:
    options = OracleOptions(
        algorithm=algorithm,
        max_trials=trials,
        max_epochs=9,
        seed=0,
        storage=path / "study.db",
        study_name="study",
        worker="worker",
    )
    return create_oracle(options)


def finished_oracle(path: Path, trials: int) -> keras_tuner.Oracle:
    """The oracle of a random search that has ended."""
    oracle = new_oracle("random", path, trials)
    AbsoluteValueTuner(oracle, path).search()
    return oracle


def search_head(data: PreparedData, out: Path, algorithm: str, trials: int) -> list[str]:
    """Search the hyperparameters of the head; return the printed lines."""
    console = RecordingConsole()
    search(data, out, "combined", SearchOptions(algorithm, trials), TINY, console)
    return console.lines


def started_trials(lines: list[str]) -> list[str]:
    """The trials that started, from the printed lines."""
    return [
        line.split(":")[0]
        for line in "\n".join(lines).splitlines()
        if line.startswith("trial ") and "MSE" not in line and "failed:" not in line
    ]


def read_trials(directory: Path) -> pd.DataFrame:
    """The table of the trials of a branch."""
    return pd.read_csv(
        directory / "trials.csv", keep_default_na=False, float_precision="round_trip"
    ).set_index("trial")
