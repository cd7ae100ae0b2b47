"""The text branch while it is trained."""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipelines.config import MaskingConfig
from pipelines.datasets import EncodeText, metadata_dataset
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.metadata.tokenizer import MetadataTokenizer, train_vocabulary
from songpop_tf.config import MetadataEncoderConfig
from songpop_tf.models import metadata_encoder
from songpop_tf.models.metadata_encoder import text_encoder, without_text_encoder

_BATCH_SIZE = 512


def build_preprocessor(table: pd.DataFrame, config: MetadataEncoderConfig) -> MetadataPreprocessor:
    """Train the vocabulary and collect the artists' histories.

    Args:
        table: all training songs, those of the pre-training set included; columns artist, title,
            year, popularity and is_pretraining.
        config: of the tokenizer.

    Raises:
        InputError: there is no such preset.
    """
    if config.preset:
        tokenizer = MetadataTokenizer.from_preset(config.preset, config.tokens)
    else:
        vocabulary = train_vocabulary(table, config.vocabulary_size)
        tokenizer = MetadataTokenizer(vocabulary, config.tokens)
    return MetadataPreprocessor(tokenizer, ArtistHistory.from_table(table))


@dataclass(frozen=True)
class TextBranch:
    """A metadata encoder and the datasets for its training.

    If the transformer is frozen, its features of each text are computed once, and only the layers
    behind it are trained.

    Attributes:
        preprocessor: makes the encoder's inputs.
        trained_part: the part of the encoder to fit.
        encode_text: the frozen transformer; None if it is trained too.
        encoder: the whole encoder; shares its weights with ``trained_part``.
        config: of the encoder.
    """

    preprocessor: MetadataPreprocessor
    trained_part: keras.Model
    encode_text: EncodeText | None
    encoder: keras.Model
    config: MetadataEncoderConfig

    @classmethod
    def create(
        cls, preprocessor: MetadataPreprocessor, config: MetadataEncoderConfig
    ) -> "TextBranch":
        """Build an untrained encoder."""
        encoder = metadata_encoder(len(preprocessor.tokenizer.vocabulary), config)
        return cls.from_encoder(encoder, preprocessor, config)

    @classmethod
    def from_encoder(
        cls,
        encoder: keras.Model,
        preprocessor: MetadataPreprocessor,
        config: MetadataEncoderConfig,
    ) -> "TextBranch":
        """Prepare an encoder for training."""
        if not config.freeze_backbone:
            return cls(preprocessor, encoder, None, encoder, config)
        encode_text = _encode_with(text_encoder(encoder))
        return cls(preprocessor, without_text_encoder(encoder), encode_text, encoder, config)

    def trained_encoder(self) -> keras.Model:
        """The whole encoder with its current weights, to be saved or fused."""
        if self.trained_part is self.encoder:
            return self.encoder
        # Keras cannot save a model of which another model takes a part.
        copy = metadata_encoder(len(self.preprocessor.tokenizer.vocabulary), self.config)
        copy.set_weights(self.encoder.get_weights())
        return copy

    def train_dataset(
        self,
        table: pd.DataFrame,
        batch_size: int,
        *,
        masking: MaskingConfig,
        seed: int,
        first_epoch: int = 0,
    ) -> tf.data.Dataset:
        """Endless, shuffled and masked batches for ``trained_part``."""
        return metadata_dataset(
            table,
            self.preprocessor,
            batch_size,
            encode_text=self.encode_text,
            seed=seed,
            first_epoch=first_epoch,
            masking=masking,
        )

    def dataset(self, table: pd.DataFrame, batch_size: int) -> tf.data.Dataset:
        """One pass over a table, for validation and prediction with ``trained_part``."""
        return metadata_dataset(table, self.preprocessor, batch_size, encode_text=self.encode_text)


def _encode_with(transformer: keras.Model) -> EncodeText:
    def encode_text(tokens: tf.Tensor) -> npt.NDArray[np.float16]:
        features = transformer.predict(tokens, batch_size=_BATCH_SIZE, verbose=0)
        # Half precision: a large catalog has hundreds of thousands of titles.
        half: npt.NDArray[np.float16] = features.astype("float16")
        return half

    return encode_text
