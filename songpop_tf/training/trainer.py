"""Train the configurations of a run: which data each model sees, in which stages.

*Naive* models are trained from scratch on the songs that have a spectrogram. The *better* ones are
trained in stages: the text branch on the pre-training set and then on the songs, the CNN with
augmentation and auxiliary targets; then both are frozen, their features are computed once, and only
the head that fuses them is trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, spectrogram_dataset
from pipelines.locks import locked_folder
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.prepared_data import PreparedData
from pipelines.spectrograms.tfrecords import naming_damaged_records
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.console import Console
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
from songpop_tf.models.fusion_model import BRANCHES_LAYER, HEAD_LAYER
from songpop_tf.models.spectrogram_cnn import AUDIO_FEATURES_LAYER, with_auxiliary_output
from songpop_tf.training.calibration import calibrate_run
from songpop_tf.training.callbacks import (
    ArtistProjector,
    Checkpoint,
    ConsoleLog,
    History,
    TensorBoardLog,
)
from songpop_tf.training.configurations import TRAINING_ORDER, Configuration
from songpop_tf.training.feature_cache import Examples, cache_features, feature_dataset
from songpop_tf.training.fit import fit
from songpop_tf.training.memory import release_freed_memory
from songpop_tf.training.precision import precision
from songpop_tf.training.run import Run
from songpop_tf.training.text_branch import TextBranch
from songpop_tf.training.training_songs import (
    check_pretraining_set,
    load_or_build_preprocessor,
    training_songs,
)

VALIDATION_BATCH_SIZE = 256
TEXT, CNN = Configuration("text", pretrained=True), Configuration("cnn", pretrained=True)

Callbacks = Sequence[keras.callbacks.Callback]


def _no_callbacks(stage: str) -> Callbacks:
    del stage
    return ()


@dataclass(frozen=True)
class Trainer:
    """Trains the configurations of one run on one prepared data set.

    Attributes:
        data: the songs.
        run: where models are stored.
        config: all settings.
        console: prints progress.
        callbacks: makes additional callbacks for the stage of that name.
        log_dir: folder for TensorBoard; None to write no logs.
        histograms: also write weight histograms.
        strategy: distributes training over devices.
    """

    data: PreparedData
    run: Run
    config: RunConfig
    console: Console
    callbacks: Callable[[str], Callbacks] = _no_callbacks
    log_dir: Path | None = None
    histograms: bool = False
    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)

    def train(self, configurations: Sequence[Configuration]) -> None:
        """Train the configurations, and before them the branches that a fused model needs.

        Finished ones are skipped; an interrupted one resumes after its last finished epoch.

        Raises:
            InputError: the text branch has no rows to be pre-trained on, a file is damaged, or
                another process trains this run.
            FloatingPointError: a model diverged.
        """
        with locked_folder(self.run.directory):
            self._train(configurations)

    def _train(self, configurations: Sequence[Configuration]) -> None:
        required = set(configurations)
        required.update(*(_required_by(configuration) for configuration in configurations))
        finished = self.run.finished()
        if TEXT in required.difference(finished):
            check_pretraining_set(self.data)  # now, not after an hour of training the others
        self.run.save_year_quantiles(self.data)
        for configuration in TRAINING_ORDER:
            if configuration not in required:
                continue
            if configuration in finished:
                self.console.print(f"{configuration}: already trained")
                continue
            with naming_damaged_records(self.data.shards), self.strategy.scope():
                self._train_one(configuration)
            keras.utils.clear_session(free_memory=True)
            release_freed_memory()

    def _train_one(self, configuration: Configuration) -> None:
        model, histories = self.fit(configuration, self.build(configuration))
        if self.config.mixed_precision:
            model = self._in_full_precision(configuration, model)
        intervals = calibrate_run(configuration, model, self.run, self.data)
        self.run.save_model(configuration, model, _concatenate(histories), intervals)

    def _in_full_precision(self, configuration: Configuration, trained: keras.Model) -> keras.Model:
        """A copy that computes in float32: not every machine that predicts has bfloat16."""
        model = self._build(configuration)
        model.set_weights(trained.get_weights())
        return model

    def build(self, configuration: Configuration) -> keras.Model:
        """Build the untrained model of a configuration."""
        with precision(mixed=self.config.mixed_precision):
            return self._build(configuration)

    def _build(self, configuration: Configuration) -> keras.Model:
        # The same seed for each configuration, whatever was trained before it.
        keras.utils.set_random_seed(self.config.seed)
        if configuration.branch == "cnn":
            return self._new_cnn()
        if configuration.branch == "combined" and configuration.pretrained:
            cnn, encoder = self.run.load_model(CNN), self.run.load_model(TEXT)
            return fusion_model(cnn, encoder, self.config.fusion, frozen=True)
        preprocessor = self._preprocessor(configuration)
        encoder = metadata_encoder(len(preprocessor.tokenizer.vocabulary), self.config.metadata)
        if configuration.branch == "text":
            return encoder
        return fusion_model(self._new_cnn(), encoder, self.config.fusion, frozen=False)

    def fit(
        self, configuration: Configuration, model: keras.Model
    ) -> tuple[keras.Model, list[History]]:
        """Train the model that `build` returned.

        Returns:
            The model to store, and the history of each stage; the last one is validated on the
            validation songs.
        """
        if configuration.branch == "cnn":
            return model, [self._fit_cnn(configuration, model)]
        if configuration.branch == "text":
            return self._fit_text(configuration, model)
        if not configuration.pretrained:
            return model, [self._fit_combined_naive(configuration, model)]
        train, validation = cache_features(
            model.get_layer(BRANCHES_LAYER),
            self.run.load_preprocessor(configuration),
            self.data,
            self.config,
            self.console.progress,
        )
        return model, [self.fit_head(model.get_layer(HEAD_LAYER), train, validation)]

    def fit_head(self, head: keras.Model, train: Examples, validation: Examples) -> History:
        """Train the head alone, on the features of `cache_features`."""
        fit_config = self.config.head_fit
        steps = -(-len(train[1]) // fit_config.batch_size)
        return self._fit(
            head,
            lambda epoch: feature_dataset(
                train, fit_config.batch_size, seed=self.config.seed, first_epoch=epoch
            ),
            tf.data.Dataset.from_tensor_slices(validation).batch(VALIDATION_BATCH_SIZE),
            stage="combined",
            fit_config=fit_config,
            rows=len(train[1]),
            validation_table=self.data.songs_of(VALIDATION),
            steps_per_execution=steps,
        )

    def _fit_text(
        self, configuration: Configuration, encoder: keras.Model
    ) -> tuple[keras.Model, list[History]]:
        preprocessor = self._preprocessor(configuration)
        branch = TextBranch.from_encoder(encoder, preprocessor, self.config.metadata)
        songs = (self.data.songs_of(TRAIN), self.data.songs_of(VALIDATION))
        if not configuration.pretrained:
            fit_config = self.config.text_naive_fit
            history = self._fit_on_tables(branch, songs, fit_config, configuration.name)
            return branch.trained_encoder(), [history]
        pretraining_set = (self.data.metadata_of(TRAIN), self.data.metadata_of(VALIDATION))
        pretraining = self._fit_on_tables(
            branch, pretraining_set, self.config.text_pretraining_fit, "text/pretraining"
        )
        # Songs with spectrograms differ from the pre-training set in their popularity.
        finetuning = self._fit_on_tables(
            branch,
            songs,
            self.config.text_finetuning_fit,
            "text/finetuning",
            self._artist_projector(branch),
        )
        return branch.trained_encoder(), [pretraining, finetuning]

    def _fit_on_tables(
        self,
        branch: TextBranch,
        tables: tuple[pd.DataFrame, pd.DataFrame],
        fit_config: FitConfig,
        stage: str,
        callbacks: Callbacks = (),
    ) -> History:
        table, validation_table = tables
        return self._fit(
            branch.trained_part,
            lambda epoch: branch.train_dataset(
                table,
                fit_config.batch_size,
                masking=self.config.masking,
                seed=self.config.seed,
                first_epoch=epoch,
            ),
            branch.dataset(validation_table, VALIDATION_BATCH_SIZE),
            stage=stage,
            fit_config=fit_config,
            rows=len(table),
            validation_table=validation_table,
            callbacks=callbacks,
        )

    def _fit_cnn(self, configuration: Configuration, model: keras.Model) -> History:
        fit_config = self.config.cnn_fit
        auxiliary = configuration.pretrained and self.config.auxiliary_weight > 0
        dataset = partial(
            spectrogram_dataset,
            batch_size=fit_config.batch_size,
            with_auxiliary_targets=auxiliary,
        )
        return self._fit(
            with_auxiliary_output(model) if auxiliary else model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                augmentation=self.config.augmentation if configuration.pretrained else None,
            ),
            dataset(self.data.shards_of(VALIDATION)),
            stage=configuration.name,
            fit_config=fit_config,
            rows=len(self.data.songs_of(TRAIN)),
            validation_table=self.data.songs_of(VALIDATION),
        )

    def _fit_combined_naive(self, configuration: Configuration, model: keras.Model) -> History:
        fit_config = self.config.combined_naive_fit
        dataset = partial(
            fused_dataset,
            preprocessor=self._preprocessor(configuration),
            batch_size=fit_config.batch_size,
        )
        return self._fit(
            model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                masking=self.config.masking,
            ),
            dataset(self.data.shards_of(VALIDATION)),
            stage=configuration.name,
            fit_config=fit_config,
            rows=len(self.data.songs_of(TRAIN)),
            validation_table=self.data.songs_of(VALIDATION),
        )

    def _fit(
        self,
        model: keras.Model,
        train: Callable[[int], tf.data.Dataset],
        validation: tf.data.Dataset,
        *,
        stage: str,
        fit_config: FitConfig,
        rows: int,
        validation_table: pd.DataFrame,
        callbacks: Callbacks = (),
        steps_per_execution: int = 1,
    ) -> History:
        """Fit one stage; ``train`` makes the endless dataset that begins at a given epoch."""
        path = self.run.checkpoint_path(stage)
        checkpoint = Checkpoint(path, patience=fit_config.patience)
        dataset = train(checkpoint.completed_epochs)
        return fit(
            model,
            dataset,
            validation,
            stage=stage,
            config=fit_config,
            steps_per_epoch=-(-rows // fit_config.batch_size),
            checkpoint=checkpoint,
            callbacks=[
                ConsoleLog(self.console, stage),
                *callbacks,
                *self.callbacks(stage),
                *self._tensorboard(stage, dataset, validation, validation_table),
            ],
            loss_weights={AUDIO_FEATURES_LAYER: self.config.auxiliary_weight},
            steps_per_execution=steps_per_execution,
        )

    def _tensorboard(
        self,
        stage: str,
        train: tf.data.Dataset,
        validation: tf.data.Dataset,
        validation_table: pd.DataFrame,
    ) -> Callbacks:
        if self.log_dir is None:
            return []
        callback = TensorBoardLog(
            self.log_dir / stage.replace("/", "_"),
            train=train,
            validation=validation,
            validation_table=validation_table,
            title=stage,
            histograms=self.histograms,
        )
        return [callback]

    def _artist_projector(self, branch: TextBranch) -> Callbacks:
        if self.log_dir is None:
            return []
        directory, songs = self.log_dir / "artists", training_songs(self.data, TEXT)
        return [ArtistProjector(directory, songs, branch.preprocessor, branch.encoder)]

    def _new_cnn(self) -> keras.Model:
        # Kept off the ends of the scale, which no sigmoid reaches.
        mean = float(np.clip(self.data.songs_of(TRAIN).popularity.mean(), 0.5, 99.5))
        return spectrogram_cnn(self.config.cnn, mean_popularity=mean)

    def _preprocessor(self, configuration: Configuration) -> MetadataPreprocessor:
        return load_or_build_preprocessor(
            configuration, self.run, self.data, self.config.metadata, self.console
        )


def _required_by(configuration: Configuration) -> tuple[Configuration, ...]:
    is_fused = configuration.branch == "combined" and configuration.pretrained
    return (TEXT, CNN) if is_fused else ()


def _concatenate(histories: list[History]) -> History:
    """One history with consecutive epochs; the key "stage" numbers the stages."""
    entries = [
        {**entry, "stage": stage}
        for stage, history in enumerate(histories, start=1)
        for entry in history
    ]
    return [{**entry, "epoch": epoch} for epoch, entry in enumerate(entries, start=1)]
