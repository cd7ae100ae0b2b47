"""Keras Tuner hypermodels of the branches: build and train with given hyperparameters."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import keras
import keras_tuner

from pipelines.prepared_data import PreparedData
from songpop_tf.config import RunConfig
from songpop_tf.console import Console
from songpop_tf.models.fusion_model import BRANCHES_LAYER, HEAD_LAYER
from songpop_tf.training.callbacks import History
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.feature_cache import Examples, cache_features
from songpop_tf.training.run import Run
from songpop_tf.training.trainer import CNN, TEXT, Callbacks, Trainer
from songpop_tf.tuning.search_space import apply_hyperparameters

OBJECTIVE_STAGE = {"text": "text/finetuning", "cnn": "cnn", "combined": "combined"}
"""The training stage of each branch whose validation MSE is minimized."""


@dataclass(frozen=True)
class SearchContext:
    """What the trials of a search share.

    Attributes:
        data: holds the songs.
        run: stores the preprocessors, and the frozen branches that the head is trained on.
        base: the configuration whose settings are the defaults.
        console: prints progress.
        oracle_sets_epochs: the number of epochs is not searched but set by the oracle.
    """

    data: PreparedData
    run: Run
    base: RunConfig
    console: Console
    oracle_sets_epochs: bool = False


@dataclass(frozen=True)
class TrialOptions:
    """Output folders and callbacks of one trial.

    Attributes:
        checkpoints: folder of its checkpoints.
        callbacks: makes additional callbacks for the training stage of that name.
        log_dir: folder of its TensorBoard logs.
    """

    checkpoints: Path
    callbacks: Callable[[str], Callbacks]
    log_dir: Path


class BranchHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]  # Keras Tuner is untyped
    """Hypermodel of the text branch or the CNN.

    Args:
        branch: "text" or "cnn".
        context: shared by all trials.
    """

    def __init__(self, branch: str, context: SearchContext) -> None:
        super().__init__(name=branch)
        self.branch = branch
        self.context = context

    @property
    def configuration(self) -> Configuration:
        """The configuration whose hyperparameters are searched."""
        return Configuration(self.branch, pretrained=True)

    def configure(self, hp: keras_tuner.HyperParameters) -> RunConfig:
        """The run configuration with these hyperparameters applied."""
        context = self.context
        return apply_hyperparameters(self.branch, hp, context.base, context.oracle_sets_epochs)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build the untrained model."""
        return self._trainer(hp).build(self.configuration)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, options: TrialOptions
    ) -> History:
        """Train the model, or resume an interrupted trial.

        Args:
            hp: the hyperparameters that the model was built with.
            model: from `build`; trained in place.
            options: output folders and callbacks of the trial.

        Returns:
            The history of the stage whose validation MSE is the objective.
        """
        _, histories = self._trainer(hp, options).fit(self.configuration, model)
        return histories[-1]

    def _trainer(
        self, hp: keras_tuner.HyperParameters, options: TrialOptions | None = None
    ) -> Trainer:
        context, config = self.context, self.configure(hp)
        if options is None:
            return Trainer(context.data, context.run, config, context.console)
        return Trainer(
            context.data,
            replace(context.run, checkpoints=options.checkpoints),
            config,
            context.console,
            callbacks=options.callbacks,
            log_dir=options.log_dir,
        )


class HeadHyperModel(BranchHyperModel):
    """Hypermodel of the head on frozen branches, whose features are cached for all trials."""

    def __init__(self, context: SearchContext) -> None:
        super().__init__("combined", context)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build the untrained head alone; train the branches first if the run lacks them."""
        # Take it from the fused model, so that the seed draws the same initial weights as there.
        self._train_branches()
        return self._trainer(hp).build(self.configuration).get_layer(HEAD_LAYER)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, options: TrialOptions
    ) -> History:
        """Train the head alone; see `BranchHyperModel.fit`."""
        return self._trainer(hp, options).fit_head(model, *self._cached_features)

    def _train_branches(self) -> None:
        if not {TEXT, CNN} <= set(self.context.run.finished()):
            self._base_trainer().train([TEXT, CNN])

    @cached_property
    def _cached_features(self) -> tuple[Examples, Examples]:
        context = self.context
        fused = self._base_trainer().build(self.configuration)
        return cache_features(
            fused.get_layer(BRANCHES_LAYER),
            context.run.load_preprocessor(self.configuration),
            context.data,
            context.base,
            context.console.progress,
        )

    def _base_trainer(self) -> Trainer:
        context = self.context
        return Trainer(context.data, context.run, context.base, context.console)


def create_hypermodel(branch: str, context: SearchContext) -> BranchHyperModel:
    """Create the hypermodel of "text", "cnn" or "combined"."""
    return HeadHyperModel(context) if branch == "combined" else BranchHyperModel(branch, context)
