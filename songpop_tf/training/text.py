"""The text branch while it is trained."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.datasets import metadata_dataset
from pipelines.discographies import Discographies
from pipelines.metadata import MetadataReader
from pipelines.tokens import MetadataTokenizer, learn_vocabulary
from songpop_tf.config import HidingConfig, MetadataEncoderConfig
from songpop_tf.models import metadata_encoder
from songpop_tf.models.metadata_encoder import transformer_of, without_transformer

TextFeatures = Callable[[tf.Tensor], npt.NDArray[np.float16]]

_TEXTS_AT_ONCE = 512


def new_reader(table: pd.DataFrame, config: MetadataEncoderConfig) -> MetadataReader:
    """Learn what a reader must know from the training songs.

    Args:
        table: all of them, those of the large set too; columns artist, title, year, popularity and
            in_large.
        config: the tokenizer's settings.

    Raises:
        InputError: there is no such preset.
    """
    if config.preset:
        tokenizer = MetadataTokenizer.from_preset(config.preset, config.tokens)
    else:
        vocabulary = learn_vocabulary(table, config.vocabulary_size)
        tokenizer = MetadataTokenizer(vocabulary, config.tokens)
    return MetadataReader(tokenizer, Discographies.of(table))


@dataclass(frozen=True)
class TextBranch:
    """A metadata encoder and the datasets it is fitted on.

    The features of a frozen transformer are computed once for each text; then only what stands
    behind it is trained.

    Attributes:
        reader: makes the encoder's inputs.
        trained: the part of the encoder to fit.
        text_features: what a frozen transformer makes of tokens; None if it is trained too.
        whole: the encoder that ``trained`` shares its weights with.
        config: of the encoder.
    """

    reader: MetadataReader
    trained: keras.Model
    text_features: TextFeatures | None
    whole: keras.Model
    config: MetadataEncoderConfig

    @classmethod
    def new(cls, reader: MetadataReader, config: MetadataEncoderConfig) -> "TextBranch":
        """Build an encoder that was not trained yet."""
        whole = metadata_encoder(len(reader.tokenizer.vocabulary), config)
        return cls.of(whole, reader, config)

    @classmethod
    def of(
        cls, whole: keras.Model, reader: MetadataReader, config: MetadataEncoderConfig
    ) -> "TextBranch":
        """Make an encoder of this reader and configuration ready for training."""
        if not config.freeze_backbone:
            return cls(reader, whole, None, whole, config)
        features = _features_by(transformer_of(whole))
        return cls(reader, without_transformer(whole), features, whole, config)

    def encoder(self) -> keras.Model:
        """The whole encoder as it is now, to be saved or joined with others."""
        if self.trained is self.whole:
            return self.whole
        # Keras cannot save a model that another one was cut out of.
        copy = metadata_encoder(len(self.reader.tokenizer.vocabulary), self.config)
        copy.set_weights(self.whole.get_weights())
        return copy

    def train_dataset(
        self, table: pd.DataFrame, batch_size: int, hiding: HidingConfig, seed: int
    ) -> Callable[[int], tf.data.Dataset]:
        """The endless dataset that begins at a given epoch."""
        return lambda epoch: metadata_dataset(
            table,
            self.reader,
            batch_size,
            text_features=self.text_features,
            seed=seed,
            first_epoch=epoch,
            hiding=hiding,
        )

    def dataset(self, table: pd.DataFrame, batch_size: int) -> tf.data.Dataset:
        """One pass over a table, for validation and prediction with ``trained``."""
        return metadata_dataset(table, self.reader, batch_size, text_features=self.text_features)


def _features_by(transformer: keras.Model) -> TextFeatures:
    def features(tokens: tf.Tensor) -> npt.NDArray[np.float16]:
        found = transformer.predict(tokens, batch_size=_TEXTS_AT_ONCE, verbose=0)
        # Half precision: a large catalogue has hundreds of thousands of titles.
        half: npt.NDArray[np.float16] = found.astype("float16")
        return half

    return features
