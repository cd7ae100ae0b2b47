"""The stages of training: what each configuration is trained on and what is frozen.

*Naive* models are trained from scratch on the songs that have a spectrogram. The *better* ones
start apart: the text branch on the large set (its last layer is then fitted to the songs), the CNN
with augmentation; then both are frozen and only the head that joins them is trained, on features
that are computed once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.datasets import fused_dataset, metadata_dataset, spectrogram_dataset
from pipelines.errors import InputError
from pipelines.metadata import MetadataTokenizer, learn_vocabulary
from pipelines.prepared import PreparedData
from pipelines.splits import TRAIN, VALIDATION
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
from songpop_tf.models.fusion import BRANCHES, HEAD
from songpop_tf.models.output import FEATURES, SCORE, features_of
from songpop_tf.training.fit import Console, MakeDataset, fit
from songpop_tf.training.run import Run

History = list[dict[str, float]]
Examples = tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Features by name, and popularity."""

PREDICT_BATCH = 256
FEATURES_BATCH = 32
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
            self.run.finish(name, model, history)
            keras.utils.clear_session(free_memory=True)

    def _text_naive(self) -> tuple[keras.Model, History]:
        songs = self.data.songs_of(TRAIN)
        tokenizer = self._tokenizer("text_naive", songs)
        model = self._encoder(tokenizer, songs)
        sets = (songs, self.data.songs_of(VALIDATION))
        return model, self._fit_text(
            model, tokenizer, sets, self.config.text_naive_fit, "text_naive"
        )

    def _combined_naive(self) -> tuple[keras.Model, History]:
        songs = self.data.songs_of(TRAIN)
        tokenizer = self._tokenizer("combined_naive", songs)
        model = fusion_model(
            self._cnn_model(),
            self._encoder(tokenizer, songs),
            self.config.fusion,
            frozen=False,
            mean_popularity=_mean(songs),
        )
        fit_config = self.config.combined_naive_fit
        dataset = partial(fused_dataset, tokenizer=tokenizer, batch_size=fit_config.batch_size)
        return model, self._fit(
            model,
            lambda epoch: dataset(
                self.data.shards_of(TRAIN), seed=self.config.seed, first_epoch=epoch
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
        tokenizer = self._tokenizer("text", large)
        model = self._encoder(tokenizer, large)
        history = self._fit_text(model, tokenizer, (large, watched), self.config.text_fit, "text")
        self._fit_last_layer(model, tokenizer)
        return model, history

    def _fit_last_layer(self, model: keras.Model, tokenizer: MetadataTokenizer) -> None:
        """Fit the last layer to the songs with spectrograms, which differ from the large set.

        The features stay as the large set taught them. None of these songs was in it, so what the
        head of the fused model sees of the training songs is as good as what it will see later.
        """
        head = _last_layer(model)
        encode = partial(_text_features, features_of(model), tokenizer)
        self._fit_on_features(
            head,
            encode(self.data.songs_of(TRAIN)),
            encode(self.data.songs_of(VALIDATION)),
            "text/last_layer",
        )

    def _combined(self) -> tuple[keras.Model, History]:
        songs = self.data.songs_of(TRAIN)
        model = fusion_model(
            self.run.load_model("cnn"),
            self.run.load_model("text"),
            self.config.fusion,
            frozen=True,
            mean_popularity=_mean(songs),
        )
        branches = model.get_layer(BRANCHES)
        train, validation = (self._features(branches, split) for split in (TRAIN, VALIDATION))
        return model, self._fit_on_features(model.get_layer(HEAD), train, validation, "combined")

    def _features(self, branches: keras.Model, split: str) -> Examples:
        """The frozen branches' features of a split, computed once."""
        tokenizer = self.run.load_tokenizer("combined")
        dataset = fused_dataset(self.data.shards_of(split), tokenizer, FEATURES_BATCH)
        self.console.say(f"combined: features of the {split} songs")
        features = branches.predict(dataset, verbose=0)
        return features, self.data.songs_of(split).popularity.to_numpy("float32")

    def _spectrogram(self, name: str, *, augmented: bool) -> tuple[keras.Model, History]:
        model = self._cnn_model()
        fit_config = self.config.cnn_fit
        dataset = partial(spectrogram_dataset, batch_size=fit_config.batch_size)
        return model, self._fit(
            model,
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
        mean = _mean(self.data.songs_of(TRAIN))
        return spectrogram_cnn(self.config.cnn, mean_popularity=mean)

    def _encoder(self, tokenizer: MetadataTokenizer, rows: pd.DataFrame) -> keras.Model:
        return metadata_encoder(
            len(tokenizer.vocabulary), self.config.metadata, mean_popularity=_mean(rows)
        )

    def _tokenizer(self, name: str, rows: pd.DataFrame) -> MetadataTokenizer:
        """The tokenizer of a configuration, learned from its training text only once."""
        directory = self.run.tokenizer_directory(name)
        if not MetadataTokenizer.is_stored(directory):
            settings = self.config.metadata
            if settings.preset:
                tokenizer = MetadataTokenizer.from_preset(settings.preset, settings.tokens)
            else:
                self.console.say(f"{name}: learns word pieces from {len(rows)} rows")
                vocabulary = learn_vocabulary(rows, settings.vocabulary_size)
                tokenizer = MetadataTokenizer(vocabulary, settings.tokens)
            tokenizer.save(directory)
        return MetadataTokenizer.load(directory)

    def _fit_text(
        self,
        model: keras.Model,
        tokenizer: MetadataTokenizer,
        sets: tuple[pd.DataFrame, pd.DataFrame],
        fit_config: FitConfig,
        stage: str,
    ) -> History:
        train, validation = sets
        return self._fit(
            model,
            lambda epoch: metadata_dataset(
                train, tokenizer, fit_config.batch_size, seed=self.config.seed, first_epoch=epoch
            ),
            len(train),
            metadata_dataset(validation, tokenizer, PREDICT_BATCH),
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
        return fit(model, train, steps, validation, fit_config, state, stage, self.console)


def _mean(rows: pd.DataFrame) -> float:
    """Mean popularity, kept off the ends of the scale, where no sigmoid reaches."""
    return float(np.clip(rows.popularity.mean(), 0.5, 99.5))


def _last_layer(model: keras.Model) -> keras.Model:
    """What follows the features of a branch, as a model that shares its weights."""
    features = keras.Input(model.get_layer(FEATURES).output.shape[1:], name="metadata_features")
    x = features
    for name in (SCORE, "share", "popularity"):
        x = model.get_layer(name)(x)
    return keras.Model({"metadata_features": features}, x)


def _text_features(
    part: keras.Model, tokenizer: MetadataTokenizer, songs: pd.DataFrame
) -> Examples:
    dataset = metadata_dataset(songs, tokenizer, PREDICT_BATCH)
    features = {"metadata_features": part.predict(dataset, verbose=0)}
    return features, songs.popularity.to_numpy("float32")
