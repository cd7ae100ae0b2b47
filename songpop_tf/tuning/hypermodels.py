"""The branches as Keras Tuner sees them: how each is built and trained with given values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import keras
import keras_tuner

from pipelines.prepared import PreparedData
from songpop_tf.board.board import Board
from songpop_tf.config import RunConfig
from songpop_tf.models.fusion import BRANCHES, HEAD
from songpop_tf.training.features import Examples
from songpop_tf.training.fit import Console, Watcher
from songpop_tf.training.run import Run
from songpop_tf.training.stages import History, Trainer
from songpop_tf.tuning.spaces import configured

JUDGED = {"text": "text/songs", "cnn": "cnn", "combined": "combined"}
"""The stage of each branch whose validation MSE is to become small."""


@dataclass(frozen=True)
class Subject:
    """What a search is about.

    Attributes:
        run: keeps what all trials share, words learned and branches trained before.
        base: the configuration that the search starts from.
        epochs_given: the oracle says how many epochs a trial is worth.
    """

    data: PreparedData
    run: Run
    base: RunConfig
    console: Console
    epochs_given: bool = False


class BranchHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]  # Keras Tuner is untyped
    """The text branch or the CNN.

    Args:
        branch: "text" or "cnn".
        subject: what the search is about.
    """

    def __init__(self, branch: str, subject: Subject) -> None:
        super().__init__(name=branch)
        self.branch = branch
        self.subject = subject

    def configure(self, hp: keras_tuner.HyperParameters) -> RunConfig:
        """The configuration that some values stand for."""
        return configured(self.branch, hp, self.subject.base, self.subject.epochs_given)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The model before its training."""
        return self._trainer(hp).build(self.branch)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        states: Path,
        watchers: Sequence[Watcher] = (),
        board: Board | None = None,
    ) -> History:
        """Train it, or go on where an interrupted trial stopped.

        Args:
            hp: the values that the model was built with.
            model: what :meth:`build` returned; it is changed in place.
            states: folder in which the trial keeps how far it is.
            watchers: look on after each epoch.
            board: is written for TensorBoard.

        Returns:
            The history of the judged stage.
        """
        _, histories = self._trainer(hp, states, watchers, board).fit(self.branch, model)
        return histories[-1]

    def _trainer(
        self,
        hp: keras_tuner.HyperParameters,
        states: Path | None = None,
        watchers: Sequence[Watcher] = (),
        board: Board | None = None,
    ) -> Trainer:
        subject = self.subject
        run = replace(subject.run, states=states)
        config = self.configure(hp)
        return Trainer(subject.data, run, config, subject.console, tuple(watchers), board)


class HeadHyperModel(BranchHyperModel):
    """The head on frozen branches: what they find in the songs is computed once for all trials."""

    def __init__(self, subject: Subject) -> None:
        super().__init__("combined", subject)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The head alone."""
        # Built as in training: another way would draw other first weights from the same seed.
        self._train_branches()
        return self._trainer(hp).build(self.branch).get_layer(HEAD)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        states: Path,
        watchers: Sequence[Watcher] = (),
        board: Board | None = None,
    ) -> History:
        """Train the head; arguments and result as of :meth:`BranchHyperModel.fit`."""
        return self._trainer(hp, states, watchers, board).fit_head(model, *self._examples)

    def _train_branches(self) -> None:
        if not {"text", "cnn"} <= set(self.subject.run.finished()):
            self._base_trainer().train(["text", "cnn"])

    @cached_property
    def _examples(self) -> tuple[Examples, Examples]:
        trainer = self._base_trainer()
        return trainer.examples(trainer.build(self.branch).get_layer(BRANCHES))

    def _base_trainer(self) -> Trainer:
        subject = self.subject
        return Trainer(subject.data, subject.run, subject.base, subject.console)


def hypermodel_of(branch: str, subject: Subject) -> BranchHyperModel:
    """The hypermodel of "text", "cnn" or "combined"."""
    return HeadHyperModel(subject) if branch == "combined" else BranchHyperModel(branch, subject)
