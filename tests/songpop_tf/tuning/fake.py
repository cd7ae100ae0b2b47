"""A search whose trials train nothing, run as a program: FOLDER DATA ALGORITHM TRIALS SECONDS."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import keras_tuner
import optuna
import pytest

from pipelines.prepared import PreparedData
from songpop_tf.board.board import Board
from songpop_tf.console import Console
from songpop_tf.training.fit import Watcher
from songpop_tf.tuning import search as searching
from songpop_tf.tuning.hypermodels import JUDGED, BranchHyperModel, Subject
from songpop_tf.tuning.search import Plan, search
from tests.conftest import TINY


class FakeHyperModel(BranchHyperModel):
    """A branch's space; a trial's validation MSE is 100 times its dropout, epoch after epoch."""

    seconds = 0.0
    fits: list[float]
    broken: dict[int, Exception]

    def __init__(self, branch: str, subject: Subject) -> None:
        super().__init__(branch, subject)
        self.fits = []
        self.broken = {}

    def build(self, hp: keras_tuner.HyperParameters) -> object:
        """Only tell the space; no model, but what stands for one."""
        config = self.configure(hp)
        parts = {"text": config.metadata, "cnn": config.cnn, "combined": config.fusion}
        return type("Model", (), {"dropout": parts[self.branch].dropout})()

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: object,
        *,
        states: Path,
        watchers: Sequence[Watcher] = (),
        board: Board | None = None,
    ) -> list[dict[str, float]]:
        """Take some time, and break where told to."""
        del hp, board
        if error := self.broken.get(len(self.fits)):
            raise error
        self.fits.append(model.dropout)
        states.mkdir(parents=True, exist_ok=True)
        with (states.parent.parent / "fits.txt").open("a") as file:
            file.write(f"{states.parent.name} {os.getpid()}\n")
        history = []
        for epoch in (1.0, 2.0):
            time.sleep(self.seconds)
            history.append({"epoch": epoch, "val_loss": 100 * model.dropout})
            for watcher in watchers:
                watcher(JUDGED[self.branch], model, history[-1])
        return history


def replace_by_fakes(patch: pytest.MonkeyPatch, seconds: float = 0.0) -> list[FakeHyperModel]:
    """Have `search` use fakes; the list of those that it made."""
    made: list[FakeHyperModel] = []

    def make(branch: str, subject: Subject) -> FakeHyperModel:
        made.append(FakeHyperModel(branch, subject))
        made[-1].seconds = seconds
        return made[-1]

    patch.setattr(searching, "hypermodel_of", make)
    return made


def main(out: str, data: str, algorithm: str, trials: str, seconds: str) -> None:
    """Search as `songpop-tf tune` does."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with pytest.MonkeyPatch.context() as patch, Console() as console:
        replace_by_fakes(patch, float(seconds))
        prepared = PreparedData.open(Path(data))
        search(prepared, Path(out), "combined", Plan(algorithm, int(trials)), TINY, console)


if __name__ == "__main__":
    main(*sys.argv[1:])
