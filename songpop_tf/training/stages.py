"""The stages of training: what each configuration is trained on and what is frozen.

*Naive* models are trained from scratch on the songs that have a spectrogram. The *better* ones
start apart: the text branch on the large set and then on the songs, the CNN with augmentation;
then both are frozen and only the head that joins them is trained, on features that are computed
once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, spectrogram_dataset
from pipelines.errors import InputError
from pipelines.metadata import MetadataReader
from pipelines.prepared import PreparedData
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.board.board import Board
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
from songpop_tf.models.fusion import BRANCHES, HEAD
from songpop_tf.models.spectrogram_cnn import with_sound
from songpop_tf.training.conformal import Vector, half_width
from songpop_tf.training.features import Examples, endless_epochs, features_of, joined
from songpop_tf.training.fit import Console, MakeDataset, Watcher, fit
from songpop_tf.training.inputs import predict_patterns
from songpop_tf.training.run import Run
from songpop_tf.training.text import TextBranch, new_reader

History = list[dict[str, float]]

PREDICT_BATCH, FEATURES_BATCH = 256, 32
WHOLE_PASSES, HIDDEN_PASSES = 3, 4
"""How often the head sees a song in an epoch: with all that is known, and with parts hidden."""
_NEEDS = {"combined": ("text", "cnn")}


@dataclass(frozen=True)
class Trainer:
    """Trains the configurations of one run on one data folder.

    Attributes:
        watchers: look on after every epoch of every fit.
        board: is written for TensorBoard; None for none.
    """

    data: PreparedData
    run: Run
    config: RunConfig
    console: Console
    watchers: tuple[Watcher, ...] = ()
    board: Board | None = None

    def train(self, names: list[str]) -> None:
        """Train the named configurations, and before them what they are built on.

        Finished ones are left alone; an interrupted one goes on at its last finished epoch.
        """
        unknown = set(names) - set(self._fits)
        if unknown:
            raise ValueError(f"expected names of {', '.join(self._fits)}; received {unknown}")
        wanted = {need for name in names for need in (*_NEEDS.get(name, ()), name)}
        if "text" in wanted.difference(self.run.finished()):
            self._check_large_set()  # now, not after an hour of training the others
        for name in (name for name in self._fits if name in wanted):
            if name in self.run.finished():
                self.console.say(f"{name}: finished before")
                continue
            model, histories = self.fit(name, self.build(name))
            self.run.finish(name, model, _one_after_another(histories), self._widths(name, model))
            keras.utils.clear_session(free_memory=True)

    def build(self, name: str) -> keras.Model:
        """The model of a configuration before its training, which :meth:`fit` takes."""
        # Every configuration starts from the same seed, whatever was trained before it.
        keras.utils.set_random_seed(self.config.seed)
        if name == "combined":
            cnn, encoder = self.run.load_model("cnn"), self.run.load_model("text")
            return fusion_model(cnn, encoder, self.config.fusion, frozen=True)
        if name.startswith("cnn"):
            return self._new_cnn()
        reader = self._reader(name)
        encoder = metadata_encoder(len(reader.tokenizer.vocabulary), self.config.metadata)
        if name.startswith("text"):
            return encoder
        return fusion_model(self._new_cnn(), encoder, self.config.fusion, frozen=False)

    def fit(self, name: str, model: keras.Model) -> tuple[keras.Model, list[History]]:
        """Train a configuration's model.

        Returns:
            The model to keep, and the history of each fit in turn; the last one watches the
            validation songs.
        """
        return self._fits[name](model)

    @property
    def _fits(self) -> Mapping[str, Callable[[keras.Model], tuple[keras.Model, list[History]]]]:
        return {
            "text_naive": self._fit_text_naive,
            "cnn_naive": partial(self._fit_cnn, name="cnn_naive", augmented=False),
            "combined_naive": self._fit_combined_naive,
            "text": self._fit_text,
            "cnn": partial(self._fit_cnn, name="cnn", augmented=True),
            "combined": self._fit_combined,
        }

    def _widths(self, name: str, model: keras.Model) -> Vector:
        """Of the prediction intervals, from the validation songs: they chose the epoch at most."""
        truth = self.data.songs_of(VALIDATION).popularity.to_numpy("float64")
        predicted = predict_patterns(name, model, self.run, self.data, VALIDATION)
        return np.array([half_width(truth, one) for one in predicted])

    def _fit_text_naive(self, encoder: keras.Model) -> tuple[keras.Model, list[History]]:
        branch = TextBranch.of(encoder, self._reader("text_naive"), self.config.metadata)
        songs, watched = self.data.songs_of(TRAIN), self.data.songs_of(VALIDATION)
        fit_config = self.config.text_naive_fit
        history = self._fit_on_table(branch, songs, watched, fit_config, "text_naive")
        return branch.encoder(), [history]

    def _fit_text(self, encoder: keras.Model) -> tuple[keras.Model, list[History]]:
        branch = TextBranch.of(encoder, self._reader("text"), self.config.metadata)
        large, watched = (self.data.metadata_of(split) for split in (TRAIN, VALIDATION))
        first = self._fit_on_table(branch, large, watched, self.config.text_fit, "text")
        # The songs with spectrograms differ from the large set in how popular they are.
        songs, watched = (self.data.songs_of(split) for split in (TRAIN, VALIDATION))
        fit_config = self.config.text_songs_fit
        then = self._fit_on_table(branch, songs, watched, fit_config, "text/songs")
        encoder = branch.encoder()
        if self.board is not None:
            self.board.write_artists(self._read_by("text"), branch.reader, encoder)
        return encoder, [first, then]

    def _fit_combined_naive(self, model: keras.Model) -> tuple[keras.Model, list[History]]:
        reader, fit_config = self._reader("combined_naive"), self.config.combined_naive_fit
        dataset = partial(fused_dataset, reader=reader, batch_size=fit_config.batch_size)
        history = self._fit(
            model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                hiding=self.config.hiding,
            ),
            len(self.data.songs_of(TRAIN)),
            dataset(self.data.shards_of(VALIDATION)),
            self.data.songs_of(VALIDATION),
            fit_config,
            "combined_naive",
        )
        return model, [history]

    def _fit_combined(self, model: keras.Model) -> tuple[keras.Model, list[History]]:
        train, validation = self.examples(model.get_layer(BRANCHES))
        return model, [self.fit_head(model.get_layer(HEAD), train, validation)]

    def examples(self, branches: keras.Model) -> tuple[Examples, Examples]:
        """The training and the validation songs as the frozen branches find them.

        In training also with parts hidden, so that the head learns what to trust without them.
        """
        dataset = partial(
            fused_dataset, reader=self.run.load_reader("combined"), batch_size=FEATURES_BATCH
        )
        shards, songs = self.data.shards_of(TRAIN), len(self.data.songs_of(TRAIN))
        hidden = dataset(
            shards,
            seed=self.config.seed,
            augmentation=self.config.augmentation,
            hiding=self.config.head_hiding,
        ).take(HIDDEN_PASSES * -(-songs // FEATURES_BATCH))
        watched = dataset(self.data.shards_of(VALIDATION))
        whole = self._features(branches, dataset(shards), songs, "train")
        parts = self._features(branches, hidden, HIDDEN_PASSES * songs, "train, parts hidden")
        count = len(self.data.songs_of(VALIDATION))
        validation = self._features(branches, watched, count, "validation")
        return joined([*[whole] * WHOLE_PASSES, parts]), validation

    def _features(
        self, branches: keras.Model, dataset: tf.data.Dataset, songs: int, what: str
    ) -> Examples:
        tell = partial(self.console.progress, f"combined: features ({what})", total=songs)
        return features_of(branches, dataset, tell)

    def fit_head(self, head: keras.Model, train: Examples, validation: Examples) -> History:
        """Train the head alone, on what :meth:`examples` gives."""
        fit_config = self.config.head_fit
        return self._fit(
            head,
            partial(endless_epochs, train, fit_config.batch_size, self.config.seed),
            len(train[1]),
            tf.data.Dataset.from_tensor_slices(validation).batch(PREDICT_BATCH),
            self.data.songs_of(VALIDATION),
            fit_config,
            "combined",
            whole_epochs=True,
        )

    def _fit_cnn(
        self, model: keras.Model, name: str, *, augmented: bool
    ) -> tuple[keras.Model, list[History]]:
        fit_config = self.config.cnn_fit
        taught = augmented and self.config.sound_weight > 0
        dataset = partial(spectrogram_dataset, batch_size=fit_config.batch_size, with_sound=taught)
        history = self._fit(
            with_sound(model) if taught else model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                augmentation=self.config.augmentation if augmented else None,
            ),
            len(self.data.songs_of(TRAIN)),
            dataset(self.data.shards_of(VALIDATION)),
            self.data.songs_of(VALIDATION),
            fit_config,
            name,
        )
        return model, [history]

    def _new_cnn(self) -> keras.Model:
        # Kept off the ends of the scale, where no sigmoid reaches.
        mean = float(np.clip(self.data.songs_of(TRAIN).popularity.mean(), 0.5, 99.5))
        return spectrogram_cnn(self.config.cnn, mean_popularity=mean)

    def _reader(self, name: str) -> MetadataReader:
        """The reader of a configuration, learned from its training songs only once."""
        directory = self.run.reader_directory(name)
        if not MetadataReader.is_stored(directory):
            table = self._read_by(name)
            self.console.say(f"{name}: learns words and artists from {len(table):,} songs")
            new_reader(table, self.config.metadata).save(directory)
        return MetadataReader.load(directory)

    def _read_by(self, name: str) -> pd.DataFrame:
        """The training songs of a configuration with text."""
        songs = self.data.songs_of(TRAIN)
        if name.endswith("_naive"):
            return songs
        self._check_large_set()
        return pd.concat([songs, self.data.metadata_of(TRAIN)], ignore_index=True)

    def _check_large_set(self) -> None:
        if self.data.metadata_of(TRAIN).empty or self.data.metadata_of(VALIDATION).empty:
            raise InputError(
                "expected rows to pre-train the text branch on, received none besides the songs "
                "with spectrograms; prepare with a larger --tracks table, or train with "
                "--approach naive or --branch cnn"
            )

    def _fit_on_table(
        self,
        branch: TextBranch,
        table: pd.DataFrame,
        watched: pd.DataFrame,
        fit_config: FitConfig,
        stage: str,
    ) -> History:
        """Fit the text branch on a table, watching other rows."""
        size, seed = fit_config.batch_size, self.config.seed
        return self._fit(
            branch.trained,
            branch.train_dataset(table, size, self.config.hiding, seed),
            len(table),
            branch.dataset(watched, PREDICT_BATCH),
            watched,
            fit_config,
            stage,
        )

    def _fit(
        self,
        model: keras.Model,
        train: MakeDataset,
        rows: int,
        validation: tf.data.Dataset,
        watched: pd.DataFrame,
        fit_config: FitConfig,
        stage: str,
        *,
        whole_epochs: bool = False,
    ) -> History:
        train = cache(train)  # set up once, for the fit and for the board
        board = [] if self.board is None else [self.board.watch(stage, train, validation, watched)]
        return fit(
            model,
            train,
            -(-rows // fit_config.batch_size),
            validation,
            fit_config,
            self.run.state_path(stage),
            stage,
            self.console,
            {"sound": self.config.sound_weight},
            (*self.watchers, *board),
            whole_epochs=whole_epochs,
        )


def _one_after_another(histories: list[History]) -> History:
    """One history, its epochs counted through; "fit" counts the fits."""
    entries = [
        {**entry, "fit": fit} for fit, history in enumerate(histories, start=1) for entry in history
    ]
    return [{**entry, "epoch": epoch} for epoch, entry in enumerate(entries, start=1)]
