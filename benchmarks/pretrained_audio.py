"""The audio side of the pre-trained model: a CNN and a head from few recordings and many songs.

A few hundred recordings teach the CNN the audio features of a song. They are well-known songs, so
their popularity says nothing about that of others: what the audio features say about popularity is
learned from the table of songs, all of which have audio features and a duration. The CNN predicts
these with errors; the table's get errors of the same size, so that no more weight is given to them
than the CNN's deserve.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from accuracy import VALIDATION_BATCH_SIZE
from hearing import (
    FOLDS,
    Inputs,
    artist_folds,
    fit_audio_features,
    predict_cnn,
    read_images,
    read_songs,
)
from numpy.typing import NDArray
from timing import log

from pipelines.audio.synchrosqueezing import COLUMNS_PER_SECOND
from pipelines.metadata.known_fields import FIELDS, MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST
from pipelines.spectrograms.loading import CNN_INPUTS, cnn_inputs
from pipelines.tables.audio_features import AUDIO_FEATURES, standardize_audio_features
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.console import Console
from songpop_tf.models import fusion_model, spectrogram_cnn
from songpop_tf.models.fusion_model import HEAD_LAYER
from songpop_tf.models.metadata_encoder import without_text_encoder
from songpop_tf.models.popularity_output import FEATURES, LOGIT, feature_extractor
from songpop_tf.models.spectrogram_cnn import AUDIO_FEATURES_LAYER
from songpop_tf.training.calibration import calibrate
from songpop_tf.training.callbacks import Checkpoint, ConsoleLog
from songpop_tf.training.conformal import PredictionIntervals
from songpop_tf.training.feature_cache import Examples, concatenate_examples, feature_dataset
from songpop_tf.training.fit import fit
from songpop_tf.training.inference import drop_fields, read_covariates, without_history
from songpop_tf.training.text_branch import TextBranch

SONG_SECONDS = (120, 300)
"""Shortest and longest song that a recording is repeated to."""
COPIES = 4
"""How often each song of the table is shown to the head, each time with other errors."""
POPULARITY_FIT = FitConfig(learning_rate=1e-3, epochs=20, batch_size=256, patience=4)

Values = NDArray[np.float64]
Features = dict[str, NDArray[np.float32]]


@dataclasses.dataclass(frozen=True)
class Recordings:
    """Spectrograms of recordings.

    Attributes:
        songs: columns artist, spotify_id and the audio features.
        inputs: of the CNN, a row for each song.
    """

    songs: pd.DataFrame
    inputs: Inputs

    @property
    def truth(self) -> pd.DataFrame:
        """The audio features."""
        return self.songs[list(AUDIO_FEATURES)]


@dataclasses.dataclass(frozen=True)
class FeatureErrors:
    """A linear model of the CNN's audio features, all standardized, given the true ones.

    Attributes:
        slope, intercept, stddev: `(10,)`; predicted = slope * true + intercept + noise.
    """

    slope: Values
    intercept: Values
    stddev: Values

    @classmethod
    def estimate(cls, truth: Values, predicted: Values) -> "FeatureErrors":
        """Least squares for each feature, from songs that the CNN was not trained on."""
        centered = truth - truth.mean(axis=0)
        slope = (centered * predicted).sum(axis=0) / (centered**2).sum(axis=0)
        intercept = predicted.mean(axis=0) - slope * truth.mean(axis=0)
        return cls(slope, intercept, (predicted - slope * truth - intercept).std(axis=0))

    def simulate(self, truth: Values, rng: np.random.Generator) -> NDArray[np.float32]:
        """What the CNN might predict for songs with these audio features, `(songs, 10)`."""
        noise = self.stddev * rng.standard_normal(truth.shape)
        return (self.slope * truth + self.intercept + noise).astype("float32")


def read_recordings(folder: Path, seed: int) -> Recordings:
    """Read recordings, each repeated to the length of a song.

    The CNN sees a song of any length in 1,024 columns: of an excerpt alone it would learn the
    patterns of another time scale.
    """
    songs = read_songs(folder)
    rng = np.random.default_rng(seed)
    rows = [cnn_inputs(tf.constant(repeat(image, rng))) for image in read_images(folder, songs)]
    return Recordings(songs, {name: np.stack([row[name] for row in rows]) for name in CNN_INPUTS})


def repeat(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Repeat an excerpt to a random length, `(256, columns)`."""
    columns = COLUMNS_PER_SECOND * int(rng.integers(*SONG_SECONDS))
    return np.tile(image, -(-columns // image.shape[1]))[:, :columns]


def cross_validated_features(recordings: Recordings, seed: int) -> Values:
    """The CNN's audio features of each recording, trained on those of other artists, `(n, 10)`."""
    folds = artist_folds(recordings.songs.artist, seed)
    predicted = np.zeros((len(folds), len(AUDIO_FEATURES)))
    for fold in range(FOLDS):
        log(f"audio features, fold {fold + 1} of {FOLDS}")
        test = folds == fold
        predicted[test] = predict_cnn(recordings.inputs, recordings.truth, ~test, seed)
    frame = pd.DataFrame(predicted, columns=list(AUDIO_FEATURES))
    return standardize_audio_features(frame).astype("float64")


def train_cnn(recordings: Recordings, mean_popularity: float, seed: int) -> keras.Model:
    """A CNN that predicts audio features; its popularity is not trained."""
    keras.utils.set_random_seed(seed)
    cnn = spectrogram_cnn(mean_popularity=mean_popularity)
    targets = standardize_audio_features(recordings.truth)
    fit_audio_features(cnn, recordings.inputs, targets, seed)
    return cnn


@dataclasses.dataclass(frozen=True)
class SongTable:
    """Songs with the audio features that a CNN predicts, or might predict.

    Attributes:
        songs: columns of `Fold`'s tables, audio features and duration_ms.
        audio_features: standardized, `(copies, songs, 10)`: once, or with other errors each time.
    """

    songs: pd.DataFrame
    audio_features: NDArray[np.float32]

    @classmethod
    def simulate(
        cls, songs: pd.DataFrame, errors: FeatureErrors, copies: int, seed: int
    ) -> "SongTable":
        """The songs whose audio features are known, with `copies` random errors."""
        known = songs.dropna(subset=[*AUDIO_FEATURES, "duration_ms"]).reset_index(drop=True)
        truth = standardize_audio_features(known).astype("float64")
        rng = np.random.default_rng(seed)
        return cls(known, np.stack([errors.simulate(truth, rng) for _ in range(copies)]))

    @property
    def copies(self) -> int:
        """How often each song occurs."""
        return len(self.audio_features)

    @property
    def inputs(self) -> Inputs:
        """Of `after_audio_features`, `(copies * songs,)` rows."""
        columns = self.songs.duration_ms.to_numpy() * COLUMNS_PER_SECOND / 1000
        return {
            AUDIO_FEATURES_LAYER: self.audio_features.reshape(-1, len(AUDIO_FEATURES)),
            "columns": np.tile(columns.astype("int64"), self.copies),
        }

    @property
    def popularity(self) -> NDArray[np.float32]:
        """`(copies * songs,)`, 0-100."""
        return np.tile(self.songs.popularity.to_numpy("float32"), self.copies)


def after_audio_features(cnn: keras.Model) -> keras.Model:
    """The part of the CNN from audio features and length to popularity, sharing its weights."""
    audio_features, columns = cnn.get_layer(AUDIO_FEATURES_LAYER).output, cnn.input["columns"]
    outputs = {FEATURES: cnn.get_layer(FEATURES).output, "popularity": cnn.output}
    # A model that starts at intermediate tensors has unnamed inputs: the outer model names them.
    part = keras.Model([audio_features, columns], outputs)
    inputs = {
        AUDIO_FEATURES_LAYER: keras.Input((len(AUDIO_FEATURES),), name=AUDIO_FEATURES_LAYER),
        "columns": keras.Input((), dtype="int64", name="columns"),
    }
    return keras.Model(inputs, part(list(inputs.values())))


def fit_popularity(
    cnn: keras.Model, train: SongTable, validation: SongTable, config: RunConfig, console: Console
) -> None:
    """Train the CNN's popularity on the audio features of a table."""
    part = after_audio_features(cnn)
    model = keras.Model(part.input, part.output["popularity"])
    datasets = (
        (train.inputs, train.popularity),
        (validation.inputs, validation.popularity),
    )
    _fit(model, *datasets, POPULARITY_FIT, "cnn", config.seed, console)


def fit_fusion(
    cnn: keras.Model,
    branch: TextBranch,
    train: SongTable,
    validation: SongTable,
    config: RunConfig,
    console: Console,
) -> keras.Model:
    """Train the head on both branches, which are frozen."""
    model = fusion_model(cnn, branch.trained_encoder(), config.fusion, frozen=True)
    examples = concatenate_examples(list(_masked_examples(cnn, branch, train)))
    head, head_fit = model.get_layer(HEAD_LAYER), config.head_fit
    datasets = (examples, fusion_examples(cnn, branch, validation, FIELDS))
    _fit(head, *datasets, head_fit, "combined", config.seed, console)
    return model


def _masked_examples(cnn: keras.Model, branch: TextBranch, table: SongTable) -> Iterator[Examples]:
    """The songs as often with all fields known as with some of them masked."""
    partly_known = [known for known in MISSINGNESS_PATTERNS if known and known != FIELDS]
    for known in partly_known:
        yield fusion_examples(cnn, branch, table, FIELDS)
        yield fusion_examples(cnn, branch, table, known)
    yield fusion_examples(cnn, branch, table, FIELDS, mask_history=True)


def fusion_examples(
    cnn: keras.Model,
    branch: TextBranch,
    table: SongTable,
    known: tuple[str, ...],
    *,
    mask_history: bool = False,
) -> Examples:
    """Inputs of the head, and popularity."""
    text = text_features(branch, drop_fields(table.songs, known), mask_history=mask_history)
    inputs = {
        **{name: np.tile(values, (table.copies, 1)) for name, values in text.items()},
        "spectrogram_features": _outputs_after_audio_features(cnn, table)[FEATURES],
    }
    return inputs, table.popularity


def text_features(
    branch: TextBranch, songs: pd.DataFrame, *, mask_history: bool = False
) -> Features:
    """The text branch's contribution to the head."""
    dataset = branch.dataset(songs, VALIDATION_BATCH_SIZE)
    if mask_history:
        dataset = dataset.map(without_history)
    outputs = _text_feature_extractor(branch).predict(dataset, verbose=0)
    return {"metadata_features": outputs[FEATURES], "metadata_logit": outputs[LOGIT]}


def _text_feature_extractor(branch: TextBranch) -> keras.Model:
    if branch.encode_text is None:
        return feature_extractor(branch.trained_part, FEATURES, LOGIT)
    return without_text_encoder(branch.encoder, FEATURES, LOGIT)


def _fit(
    model: keras.Model,
    train: Examples,
    validation: Examples,
    fit_config: FitConfig,
    stage: str,
    seed: int,
    console: Console,
) -> None:
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            model,
            feature_dataset(train, fit_config.batch_size, seed=seed, first_epoch=0),
            tf.data.Dataset.from_tensor_slices(validation).batch(VALIDATION_BATCH_SIZE),
            stage=stage,
            config=fit_config,
            steps_per_epoch=-(-len(train[1]) // fit_config.batch_size),
            checkpoint=Checkpoint(Path(folder) / "fit.npz", patience=fit_config.patience),
            callbacks=[ConsoleLog(console, stage)],
        )


def calibrate_cnn(cnn: keras.Model, table: SongTable) -> PredictionIntervals:
    """Calibrate the CNN's intervals on songs of the table."""
    predicted = predict_cnn_popularity(cnn, table)
    patterns = np.tile(predicted, (len(MISSINGNESS_PATTERNS), 1))
    covariates = read_covariates(table.songs, None)
    truth = table.popularity.astype("float64")
    return calibrate(truth, patterns, patterns[-len(PATTERNS_WITH_ARTIST) :], covariates)


def calibrate_fusion(
    model: keras.Model, cnn: keras.Model, branch: TextBranch, table: SongTable
) -> PredictionIntervals:
    """Calibrate the fusion model's intervals on songs of the table."""

    def predict(known: tuple[str, ...], *, mask_history: bool = False) -> Values:
        examples = fusion_examples(cnn, branch, table, known, mask_history=mask_history)
        return predict_fusion(model, examples)

    popularity = np.stack([predict(known) for known in MISSINGNESS_PATTERNS])
    masked = np.stack([predict(known, mask_history=True) for known in PATTERNS_WITH_ARTIST])
    covariates = read_covariates(table.songs, branch.preprocessor)
    return calibrate(table.popularity.astype("float64"), popularity, masked, covariates)


def predict_cnn_popularity(cnn: keras.Model, table: SongTable) -> Values:
    """Popularity from the audio features alone, `(songs,)`."""
    popularity = _outputs_after_audio_features(cnn, table)["popularity"]
    return np.asarray(popularity[:, 0], np.float64)


def _outputs_after_audio_features(cnn: keras.Model, table: SongTable) -> Features:
    part = after_audio_features(cnn)
    outputs: Features = part.predict(table.inputs, batch_size=VALIDATION_BATCH_SIZE, verbose=0)
    return outputs


def predict_fusion(model: keras.Model, examples: Examples) -> Values:
    """Popularity from the inputs of the head, `(songs,)`."""
    head = model.get_layer(HEAD_LAYER)
    predicted = head.predict(examples[0], batch_size=VALIDATION_BATCH_SIZE, verbose=0)
    return np.asarray(predicted[:, 0], np.float64)


def text_popularity(examples: Examples) -> Values:
    """The text branch's own prediction, `(songs,)`."""
    return 100 / (1 + np.exp(-examples[0]["metadata_logit"][:, 0].astype("float64")))
