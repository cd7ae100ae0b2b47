"""The models as a scikit-learn estimator, for pipelines, searches and cross-validation."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from pipelines.datasets import fused_dataset, metadata_dataset
from pipelines.errors import InputError
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer
from pipelines.source_folders import SourceFolders
from pipelines.spectrograms.shards import plan_shards, write_shards
from pipelines.splits import TRAIN
from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.array_types import Vector
from songpop_tf.config import FitConfig, RunConfig
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
from songpop_tf.serving.field_values import (
    REQUIRED_COLUMNS,
    SPECTROGRAM_COLUMN,
    FieldValues,
    field_values,
    rows_of,
)
from songpop_tf.training.callbacks import Checkpoint
from songpop_tf.training.fit import fit
from songpop_tf.training.text_branch import TextBranch, build_preprocessor

_COLUMNS = (*REQUIRED_COLUMNS, SPECTROGRAM_COLUMN)
_BATCH_SIZE = 256
_MIN_SONGS = 10
_MAX_POPULARITY = 100.0


class SongPopularityRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts popularity from artist, title and year, and from spectrograms if there are any.

    It trains the naive models of a run: the text branch, or with spectrograms both branches
    together, from scratch, with early stopping on songs that are held out. `songpop_tf.train`
    trains better ones, in stages and with a pre-training set.

    Args:
        config: of the models and their training, its seed included; None for the defaults.
        validation_fraction: of the songs, held out for early stopping.

    Attributes:
        model_: the Keras model.
        preprocessor_: of its metadata inputs.
        history_: one entry for each epoch, see `songpop_tf.training.fit.fit`.
        feature_names_in_: the columns that it reads, ``(3,)`` or ``(4,)``.
        n_features_in_: how many they are.
    """

    def __init__(self, config: RunConfig | None = None, validation_fraction: float = 0.15) -> None:
        self.config = config
        self.validation_fraction = validation_fraction

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike) -> Self:  # noqa: N803  scikit-learn's name
        """Train on songs.

        Args:
            X: columns artist, title, year, and optionally spectrogram (paths of PNG or sound files,
                for all songs or none); other columns are ignored, None and NaN are unknown.
            y: ``(songs,)`` popularity, 0-100.

        Raises:
            InputError: a value cannot be used.
            FloatingPointError: the training diverged.
        """
        if not 0 < self.validation_fraction < 1:
            raise InputError(
                "validation_fraction: expected more than 0 and less than 1, received "
                f"{self.validation_fraction}"
            )
        config = self.config or RunConfig()
        songs = _to_songs(X).assign(popularity=_to_popularity(y, len(X)))
        if len(songs) < _MIN_SONGS:
            raise InputError(f"X: expected {_MIN_SONGS} songs or more, received {len(songs)}")
        keras.utils.set_random_seed(config.seed)
        order = np.random.default_rng(config.seed).permutation(len(songs))
        held_out = max(2, round(self.validation_fraction * len(songs)))
        validation, train = (songs.iloc[rows] for rows in np.split(order, [held_out]))
        self.preprocessor_ = build_preprocessor(train, config.metadata)
        self.feature_names_in_ = np.array([name for name in _COLUMNS if name in songs], object)
        self.n_features_in_ = len(self.feature_names_in_)
        with TemporaryDirectory() as folder:
            if self._reads_spectrograms():
                self._fit_both(train, validation, config, Path(folder))
            else:
                self._fit_text(train, validation, config, Path(folder))
        return self

    def predict(self, X: pd.DataFrame) -> Vector:  # noqa: N803
        """Predict songs, ``(songs,)`` float64, 0-100.

        Args:
            X: as in `fit`, with spectrograms if it was fitted with them.

        Raises:
            InputError: a value cannot be used.
            sklearn.exceptions.NotFittedError: it was not fitted.
        """
        check_is_fitted(self)
        songs = _to_songs(X).assign(popularity=0.0)
        missing = [name for name in self.feature_names_in_ if name not in songs]
        if missing:
            raise InputError(f"X: expected the columns of fit, missing: {', '.join(missing)}")
        with TemporaryDirectory() as folder:
            dataset = self._dataset(songs, Path(folder))
            popularity: Vector = self.model_.predict(dataset, verbose=0)[:, 0].astype("float64")
        return popularity

    def _fit_text(
        self, train: pd.DataFrame, validation: pd.DataFrame, config: RunConfig, folder: Path
    ) -> None:
        branch = TextBranch.create(self.preprocessor_, config.metadata)
        fit_config = config.text_naive_fit
        dataset = branch.train_dataset(
            train, fit_config.batch_size, masking=config.masking, seed=config.seed
        )
        validation_dataset = branch.dataset(validation, _BATCH_SIZE)
        self._fit_model(
            branch.trained_part, dataset, validation_dataset, fit_config, len(train), folder
        )
        self.model_ = branch.trained_encoder()

    def _fit_both(
        self, train: pd.DataFrame, validation: pd.DataFrame, config: RunConfig, folder: Path
    ) -> None:
        fit_config = config.combined_naive_fit
        mean = float(np.clip(train.popularity.mean(), 0.5, 99.5))
        cnn = spectrogram_cnn(config.cnn, mean_popularity=mean)
        vocabulary = self.preprocessor_.tokenizer.vocabulary
        encoder = metadata_encoder(len(vocabulary), config.metadata)
        self.model_ = fusion_model(cnn, encoder, config.fusion, frozen=False)
        dataset = fused_dataset(
            _write_records(train, folder / "train"),
            self.preprocessor_,
            fit_config.batch_size,
            seed=config.seed,
            masking=config.masking,
        )
        validation_dataset = self._dataset(validation, folder / "validation")
        self._fit_model(self.model_, dataset, validation_dataset, fit_config, len(train), folder)

    def _fit_model(
        self,
        model: keras.Model,
        train: tf.data.Dataset,
        validation: tf.data.Dataset,
        config: FitConfig,
        songs: int,
        folder: Path,
    ) -> None:
        self.history_ = fit(
            model,
            train,
            validation,
            stage=type(self).__name__,
            config=config,
            steps_per_epoch=-(-songs // config.batch_size),
            checkpoint=Checkpoint(folder / "fit.npz", patience=config.patience),
        )

    def _dataset(self, songs: pd.DataFrame, folder: Path) -> tf.data.Dataset:
        """One pass over songs; records of spectrograms are written to ``folder``."""
        if not self._reads_spectrograms():
            return metadata_dataset(songs, self.preprocessor_, _BATCH_SIZE)
        return fused_dataset(_write_records(songs, folder), self.preprocessor_, _BATCH_SIZE)

    def _reads_spectrograms(self) -> bool:
        return SPECTROGRAM_COLUMN in self.feature_names_in_

    def __getstate__(self) -> dict[str, Any]:
        # A tokenizer holds TensorFlow functions, which cannot be pickled.
        state = dict(super().__getstate__())
        if preprocessor := state.pop("preprocessor_", None):
            tokenizer = preprocessor.tokenizer
            settings = (tokenizer.vocabulary, tokenizer.tokens, tokenizer.lowercase)
            state["preprocessor"] = (settings, preprocessor.artist_history)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if stored := state.pop("preprocessor", None):
            settings, artist_history = stored
            tokenizer = MetadataTokenizer(*settings)
            state["preprocessor_"] = MetadataPreprocessor(tokenizer, artist_history)
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags


def _to_songs(table: pd.DataFrame) -> pd.DataFrame:
    """Columns artist, title, year and is_pretraining, and spectrogram if the table has any."""
    rows = [_row(label, values) for label, values in rows_of(table)]
    songs = pd.DataFrame(rows, columns=_COLUMNS).assign(is_pretraining=0)
    with_spectrogram = songs.spectrogram.notna()
    if with_spectrogram.all() and len(songs):
        return songs
    if with_spectrogram.any():
        label = table.index[int(np.argmin(with_spectrogram))]
        raise InputError(
            f"X, row {label}: expected a spectrogram, as other rows have, received none"
        )
    return songs.drop(columns=SPECTROGRAM_COLUMN)


def _row(label: Any, values: FieldValues) -> dict[str, Any]:
    try:
        fields = field_values(**values)
    except InputError as error:
        raise InputError(f"X, row {label}: {error}") from None
    return {name: fields[name] for name in _COLUMNS}


def _to_popularity(y: npt.ArrayLike, songs: int) -> Vector:
    popularity: Vector = np.asarray(y, "float64").reshape(-1)
    if len(popularity) != songs:
        raise InputError(
            f"y: expected {songs} numbers, one for each song, received {len(popularity)}"
        )
    outside = ~((popularity >= 0) & (popularity <= _MAX_POPULARITY))
    if outside.any():
        raise InputError(f"y: expected popularity from 0 to 100, received {popularity[outside][0]}")
    return popularity


def _write_records(songs: pd.DataFrame, folder: Path) -> list[Path]:
    """Resize the spectrograms and write them to shards, in the order of the songs."""
    table = songs.assign(
        song_id=np.arange(len(songs)).astype(str),
        split=TRAIN,
        file=[str(path.absolute()) for path in songs.spectrogram],
        **dict.fromkeys(AUDIO_FEATURES, np.nan),
    )
    folder.mkdir(exist_ok=True)
    shards = plan_shards(table.drop(columns=SPECTROGRAM_COLUMN), folder)
    root = Path(songs.spectrogram.iloc[0]).absolute().anchor
    folders = SourceFolders(spectrograms=Path(root), audio=Path(root))
    for file, reason in write_shards(shards, folders, lambda _: None).items():
        raise InputError(f"{file}: {reason}")
    return [shard.path for shard in shards]
