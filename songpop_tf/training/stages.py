"""The stages of training: what each configuration is trained on and what is frozen.

*Naive* models are trained from scratch on the songs that have a spectrogram. The *better* ones
start apart: the text branch on the large set and then on the songs, the CNN with augmentation;
then both are frozen and only the head that joins them is trained, on features that are computed
once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, spectrogram_dataset
from pipelines.errors import InputError
from pipelines.metadata import MetadataReader
from pipelines.prepared import PreparedData
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.models import fusion_model, spectrogram_cnn
from songpop_tf.models.fusion import BRANCHES, HEAD
from songpop_tf.models.spectrogram_cnn import with_sound
from songpop_tf.training.conformal import Vector, half_width
from songpop_tf.training.fit import Console, MakeDataset, fit
from songpop_tf.training.inputs import predict_patterns
from songpop_tf.training.run import Run
from songpop_tf.training.text import TextBranch, new_reader

History = list[dict[str, float]]
Examples = tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Features by name, and popularity."""

PREDICT_BATCH = 256
FEATURES_BATCH = 32
WHOLE_PASSES, HIDDEN_PASSES = 3, 4
"""How often the head sees a song in an epoch: with all that is known, and with parts hidden."""
_NEEDS = {"combined": ("text", "cnn")}


@dataclass(frozen=True)
class Trainer:
    """Trains the configurations of one run on one data folder."""

    data: PreparedData
    run: Run
    config: RunConfig
    console: Console

    def train(self, names: list[str]) -> None:
        """Train the named configurations, and before them what they are built on.

        Finished ones are left alone; an interrupted one goes on at its last finished epoch.
        """
        stages: Mapping[str, Callable[[], tuple[keras.Model, History]]] = {
            "text_naive": self._text_naive,
            "cnn_naive": partial(self._spectrogram, "cnn_naive", augmented=False),
            "combined_naive": self._combined_naive,
            "text": self._text,
            "cnn": partial(self._spectrogram, "cnn", augmented=True),
            "combined": self._combined,
        }
        unknown = set(names) - set(stages)
        if unknown:
            raise ValueError(f"expected names of {', '.join(stages)}; received {unknown}")
        wanted = {need for name in names for need in (*_NEEDS.get(name, ()), name)}
        for name in (name for name in stages if name in wanted):
            if name in self.run.finished():
                self.console.say(f"{name}: finished before")
                continue
            # Every configuration starts from the same seed, whatever was trained before it.
            keras.utils.set_random_seed(self.config.seed)
            model, history = stages[name]()
            self.run.finish(name, model, history, self._half_widths(name, model))
            keras.utils.clear_session(free_memory=True)

    def _half_widths(self, name: str, model: keras.Model) -> Vector:
        """Of the prediction intervals, from the validation songs: they chose the epoch at most."""
        truth = self.data.songs_of(VALIDATION).popularity.to_numpy("float64")
        predicted = predict_patterns(name, model, self.run, self.data, VALIDATION)
        return np.array([half_width(truth, one) for one in predicted])

    def _text_naive(self) -> tuple[keras.Model, History]:
        songs = self.data.songs_of(TRAIN)
        branch = TextBranch.new(self._reader("text_naive", songs), self.config.metadata)
        fit_config = self.config.text_naive_fit
        history = self._fit_text(branch, songs, fit_config, "text_naive")
        return branch.encoder(), history

    def _combined_naive(self) -> tuple[keras.Model, History]:
        songs = self.data.songs_of(TRAIN)
        reader = self._reader("combined_naive", songs)
        encoder = TextBranch.new(reader, self.config.metadata).encoder()
        model = fusion_model(self._cnn_model(), encoder, self.config.fusion, frozen=False)
        fit_config = self.config.combined_naive_fit
        dataset = partial(fused_dataset, reader=reader, batch_size=fit_config.batch_size)
        return model, self._fit(
            model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                hiding=self.config.hiding,
            ),
            len(songs),
            dataset(self.data.shards_of(VALIDATION)),
            fit_config,
            "combined_naive",
        )

    def _text(self) -> tuple[keras.Model, History]:
        large = self.data.metadata_of(TRAIN)
        watched = self.data.metadata_of(VALIDATION)
        if large.empty or watched.empty:
            raise InputError(
                "expected rows to pre-train the text branch on, received none besides the songs "
                "with spectrograms; prepare with a larger --tracks table"
            )
        songs = self.data.songs_of(TRAIN)
        reader = self._reader("text", pd.concat([songs, large], ignore_index=True))
        branch = TextBranch.new(reader, self.config.metadata)
        history = self._fit_text(branch, large, self.config.text_fit, "text", watched)
        # The songs with spectrograms differ from the large set in how popular they are.
        then = self._fit_text(branch, songs, self.config.text_songs_fit, "text/songs")
        later = [{**entry, "epoch": entry["epoch"] + len(history)} for entry in then]
        return branch.encoder(), history + later

    def _combined(self) -> tuple[keras.Model, History]:
        model = fusion_model(
            self.run.load_model("cnn"),
            self.run.load_model("text"),
            self.config.fusion,
            frozen=True,
        )
        train, validation = self._examples(model.get_layer(BRANCHES))
        return model, self._fit_on_features(model.get_layer(HEAD), train, validation, "combined")

    def _examples(self, branches: keras.Model) -> tuple[Examples, Examples]:
        """The training and the validation songs as the frozen branches find them.

        In training also with parts hidden, so that the head learns what to trust without them.
        """
        reader = self.run.load_reader("combined")
        dataset = partial(fused_dataset, reader=reader, batch_size=FEATURES_BATCH)
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
        validation = self._features(
            branches, watched, len(self.data.songs_of(VALIDATION)), "validation"
        )
        return _joined([*[whole] * WHOLE_PASSES, parts]), validation

    def _features(
        self, branches: keras.Model, dataset: tf.data.Dataset, songs: int, what: str
    ) -> Examples:
        """What the frozen branches find in a dataset, computed once."""
        # One trace for texts of any length, which predict_on_batch would trace each anew.
        find = tf.function(
            lambda inputs: branches(inputs, training=False), [dataset.element_spec[0]]
        )
        batches = []
        done = 0
        for inputs, popularity in dataset:
            found = {name: value.numpy() for name, value in find(inputs).items()}
            batches.append((found, popularity.numpy()))
            done += len(popularity)
            self.console.progress(f"combined: features ({what})", done, songs)
        return _joined(batches)

    def _spectrogram(self, name: str, *, augmented: bool) -> tuple[keras.Model, History]:
        model = self._cnn_model()
        fit_config = self.config.cnn_fit
        taught = augmented and self.config.sound_weight > 0
        dataset = partial(spectrogram_dataset, batch_size=fit_config.batch_size, with_sound=taught)
        return model, self._fit(
            with_sound(model) if taught else model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN),
                seed=self.config.seed,
                first_epoch=epoch,
                augmentation=self.config.augmentation if augmented else None,
            ),
            len(self.data.songs_of(TRAIN)),
            dataset(self.data.shards_of(VALIDATION)),
            fit_config,
            name,
        )

    def _cnn_model(self) -> keras.Model:
        # Kept off the ends of the scale, where no sigmoid reaches.
        mean = float(np.clip(self.data.songs_of(TRAIN).popularity.mean(), 0.5, 99.5))
        return spectrogram_cnn(self.config.cnn, mean_popularity=mean)

    def _reader(self, name: str, table: pd.DataFrame) -> MetadataReader:
        """The reader of a configuration, learned from its training songs only once."""
        directory = self.run.reader_directory(name)
        if not MetadataReader.is_stored(directory):
            self.console.say(f"{name}: learns words and artists from {len(table):,} songs")
            new_reader(table, self.config.metadata).save(directory)
        return MetadataReader.load(directory)

    def _fit_text(
        self,
        branch: TextBranch,
        table: pd.DataFrame,
        fit_config: FitConfig,
        stage: str,
        watched: pd.DataFrame | None = None,
    ) -> History:
        """Fit the text branch on a table, watching other rows, or else the validation songs."""
        if watched is None:
            watched = self.data.songs_of(VALIDATION)
        size, seed = fit_config.batch_size, self.config.seed
        return self._fit(
            branch.trained,
            branch.train_dataset(table, size, self.config.hiding, seed),
            len(table),
            branch.dataset(watched, PREDICT_BATCH),
            fit_config,
            stage,
        )

    def _fit_on_features(
        self, head: keras.Model, train: Examples, validation: Examples, stage: str
    ) -> History:
        """Fit a small model on arrays that fit into memory: 64 numbers a song and branch."""
        count = len(train[1])
        batch_size = self.config.head_fit.batch_size

        def endless(epoch: int) -> tf.data.Dataset:
            rows = tf.data.Dataset.from_tensor_slices(train)
            one_epoch = rows.shuffle(count, seed=self.config.seed).batch(batch_size)
            return one_epoch.repeat().skip(epoch * -(-count // batch_size))

        return self._fit(
            head,
            endless,
            count,
            tf.data.Dataset.from_tensor_slices(validation).batch(PREDICT_BATCH),
            self.config.head_fit,
            stage,
        )

    def _fit(
        self,
        model: keras.Model,
        train: MakeDataset,
        rows: int,
        validation: tf.data.Dataset,
        fit_config: FitConfig,
        stage: str,
    ) -> History:
        steps = -(-rows // fit_config.batch_size)
        state = self.run.state_path(stage)
        weights = {"sound": self.config.sound_weight}
        return fit(model, train, steps, validation, fit_config, state, stage, self.console, weights)


def _joined(examples: list[Examples]) -> Examples:
    """One after the other."""
    features, popularity = zip(*examples, strict=True)
    names = features[0]
    return {name: np.concatenate([one[name] for one in features]) for name in names}, (
        np.concatenate(popularity)
    )
