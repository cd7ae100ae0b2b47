"""A search whose trials train nothing; as a program: OUT DATA ALGORITHM TRIALS SECONDS."""

import os
import sys
import time
from pathlib import Path

import keras
import keras_tuner
import optuna
import pytest

from pipelines.prepared_data import PreparedData
from songpop_tf.console import Console
from songpop_tf.training.callbacks import History
from songpop_tf.tuning import search as search_module
from songpop_tf.tuning.hypermodels import (
    OBJECTIVE_STAGE,
    BranchHyperModel,
    SearchContext,
    TrialOptions,
)
from songpop_tf.tuning.search import SearchOptions, search
from songpop_tf.tuning.search_space import objective_fit_config
from tests.conftest import TINY


class FakeModel:
    """Stands for a Keras model."""

    stop_training = False

    def __init__(self, dropout: float) -> None:
        self.dropout = dropout


class FakeHyperModel(BranchHyperModel):
    """A branch's search space; the validation MSE of a trial is 100 times its dropout.

    ``dropouts`` are those of the trials that were fitted; ``errors`` are raised by the fits of
    these numbers; an epoch takes ``seconds``.
    """

    def __init__(self, branch: str, context: SearchContext) -> None:
        super().__init__(branch, context)
        self.dropouts: list[float] = []
        self.errors: dict[int, BaseException] = {}
        self.seconds = 0.0

    def build(self, hp: keras_tuner.HyperParameters) -> FakeModel:
        """Declare the search space."""
        config = self.configure(hp)
        parts = {"text": config.metadata, "cnn": config.cnn, "combined": config.fusion}
        return FakeModel(parts[self.branch].dropout)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: FakeModel, options: TrialOptions
    ) -> History:
        """Call the callbacks of two epochs, or raise the error of this fit."""
        if error := self.errors.get(len(self.dropouts)):
            raise error
        self.dropouts.append(model.dropout)
        options.checkpoints.mkdir(parents=True, exist_ok=True)
        trial_directory = options.checkpoints.parent
        with (trial_directory.parent / "fits.txt").open("a") as file:
            file.write(f"{trial_directory.name} {os.getpid()}\n")
        callbacks = keras.callbacks.CallbackList(
            list(options.callbacks(OBJECTIVE_STAGE[self.branch])),
            model=model,
            epochs=objective_fit_config(self.branch, self.configure(hp)).epochs,
        )
        history = []
        callbacks.on_train_begin()
        for epoch in range(2):
            time.sleep(self.seconds)
            logs = {"val_loss": 100 * model.dropout}
            callbacks.on_epoch_end(epoch, logs)
            history.append({"epoch": epoch + 1, **logs})
        callbacks.on_train_end()
        return history


def use_fake_hypermodels(
    monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0
) -> list[FakeHyperModel]:
    """Let `search` create fake hypermodels; returns those that it created."""
    created: list[FakeHyperModel] = []

    def create(branch: str, context: SearchContext) -> FakeHyperModel:
        hypermodel = FakeHyperModel(branch, context)
        hypermodel.seconds = seconds
        created.append(hypermodel)
        return hypermodel

    monkeypatch.setattr(search_module, "create_hypermodel", create)
    return created


def main(out: str, data: str, algorithm: str, trials: str, seconds: str) -> None:
    """Search as `songpop-tf tune` does."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = SearchOptions(algorithm, int(trials))
    with pytest.MonkeyPatch.context() as monkeypatch, Console() as console:
        use_fake_hypermodels(monkeypatch, float(seconds))
        prepared = PreparedData.open(Path(data))
        search(prepared, Path(out), "combined", options, TINY, console)


if __name__ == "__main__":
    main(*sys.argv[1:])
