"""Preprocessor: artist, title and year to the inputs of the metadata encoder.

Training, prediction and exported graphs share it. It has two steps: ``tokenize`` depends only on
the song and runs once; ``to_model_inputs`` looks up the artists' history and, in training, masks
metadata, differently each time a song is read.
"""

from pathlib import Path

import pandas as pd
import tensorflow as tf

from pipelines.config import MaskingConfig
from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.metadata.artist_history import ArtistHistory
from pipelines.metadata.artist_keys import NO_ARTIST, artist_keys, song_key
from pipelines.metadata.masking import (
    Tensors,
    is_present,
    mask_fields,
    mask_history,
    random_sampling_offset,
)
from pipelines.metadata.tokenizer import PAD_ID, MetadataTokenizer

TEXT_FIELDS = ("artist", "title")
_HISTORY_FILE = "artists.npz"
_MIN_TOKENS = 2
"""Keras warns about attention over a single token."""


class MetadataPreprocessor:
    """Converts artist, title and year to the inputs of the metadata encoder.

    Args:
        tokenizer: tokenizes artists and titles.
        artist_history: the songs of the training set by artist.
    """

    def __init__(self, tokenizer: MetadataTokenizer, artist_history: ArtistHistory) -> None:
        self.tokenizer = tokenizer
        self.artist_history = artist_history

    def __call__(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Tensors:
        """Return the model inputs of a batch: `tokenize`, then `to_model_inputs`."""
        return self.to_model_inputs(self.tokenize(artist, title, year))

    def tokenize(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Tensors:
        """Compute everything that depends only on the song.

        Args:
            artist: ``(batch,)`` string, may be empty.
            title: ``(batch,)`` string, may be empty.
            year: ``(batch,)`` integers, 0 = unknown; clipped to the supported years.

        Returns:
            ``artist``, ``title``: ``(batch, tokens)`` int32; ``year``, ``is_pretraining`` (all 0):
            ``(batch,)`` int32; ``artist_keys``: ``(batch, 3)`` int64; ``song_key``: ``(batch,)``
            int64.
        """
        year = _clip_to_supported_years(year)
        keys = artist_keys(artist)
        return {
            "artist": self.tokenizer(artist),
            "title": self.tokenizer(title),
            "year": year,
            "is_pretraining": tf.zeros_like(year),
            "artist_keys": keys,
            "song_key": song_key(keys, title),
        }

    def tokenize_table(self, table: pd.DataFrame) -> Tensors:
        """Return `tokenize` of every row of a table.

        Args:
            table: columns artist, title, year (supported, or 0 = unknown) and is_pretraining.
        """
        artist, title = (
            tf.constant(table[name].to_numpy(object), tf.string) for name in TEXT_FIELDS
        )
        year, is_pretraining = (
            tf.constant(table[name].to_numpy("int32")) for name in ("year", "is_pretraining")
        )
        keys = artist_keys(artist)
        return {
            "artist": tf.constant(self.tokenizer.tokenize_column(table.artist)),
            "title": tf.constant(self.tokenizer.tokenize_column(table.title)),
            "year": year,
            "is_pretraining": is_pretraining,
            "artist_keys": keys,
            "song_key": song_key(keys, title),
        }

    def to_model_inputs(
        self,
        encoded: Tensors,
        masking: MaskingConfig | None = None,
        seed: tf.Tensor | None = None,
    ) -> Tensors:
        """Mask metadata in training, and look up history and year baseline.

        Args:
            encoded: a batch of `tokenize`. "artist" and "title" may instead be the features
                of a frozen text encoder, float ``(batch, width)``.
            masking: probabilities of masking, in training; None masks nothing.
            seed: ``(2,)`` int64, different for each batch; required with ``masking``.

        Returns:
            ``artist``, ``title``: ``(batch, longest)`` int32 tokens, truncated to the longest text
            of the batch (features are not changed); ``year``, ``is_pretraining``, ``artist_count``
            (number of credited artists): ``(batch,)`` int32; ``year_baseline``: ``(batch,)``
            float32; ``history``: ``(batch, 32, 5)`` float32, see
            `pipelines.metadata.artist_history.ArtistHistory.lookup`.

        Raises:
            ValueError: only one of ``masking`` and ``seed`` is given.
        """
        return self._model_inputs(encoded, masking, seed)[0]

    def with_history_years(
        self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> tuple[Tensors, tf.Tensor]:
        """Return the model inputs of a batch, and the years of the songs of its histories.

        Returns:
            As the call; and ``(batch, 32)`` int32, 0 = unknown, or no song.
        """
        return self._model_inputs(self.tokenize(artist, title, year), None, None)

    def _model_inputs(
        self, encoded: Tensors, masking: MaskingConfig | None, seed: tf.Tensor | None
    ) -> tuple[Tensors, tf.Tensor]:
        if (masking is None) != (seed is None):
            received = "masking" if seed is None else "seed"
            raise ValueError(
                f"masking and seed: expected both or neither, received only {received}"
            )
        size = tf.shape(encoded["year"])[0]
        sampling_offset = tf.fill([size], 0.5)
        if masking is not None:
            encoded = mask_fields(encoded, masking, seed)
            sampling_offset = random_sampling_offset(size, seed)
        # After masking: masked artists have no history, masked years the baseline of unknown ones.
        year = self.artist_history.clip_year(encoded["year"])
        keys = encoded["artist_keys"]
        years, history = self.artist_history.lookup(
            keys, encoded["song_key"], is_present(encoded["title"]), year, sampling_offset
        )
        if masking is not None:
            history = mask_history(history, masking, seed)
        inputs = {
            **{name: _trim_padding(encoded[name]) for name in TEXT_FIELDS},
            "year": year,
            "is_pretraining": encoded["is_pretraining"],
            "artist_count": tf.reduce_sum(tf.cast(tf.not_equal(keys, NO_ARTIST), tf.int32), axis=1),
            "year_baseline": self.artist_history.year_baseline(year, encoded["is_pretraining"]),
            "history": history,
        }
        return inputs, years

    def save(self, directory: Path) -> None:
        """Write all files to ``directory``; the tokenizer last, see `is_saved`."""
        self.artist_history.save(directory / _HISTORY_FILE)
        self.tokenizer.save(directory)

    @staticmethod
    def is_saved(directory: Path) -> bool:
        """Return whether `save` finished in ``directory``."""
        return MetadataTokenizer.is_saved(directory)

    @classmethod
    def load(cls, directory: Path) -> "MetadataPreprocessor":
        """Read the files written by `save`.

        Raises:
            InputError: a file is missing or damaged.
        """
        tokenizer = MetadataTokenizer.load(directory)
        return cls(tokenizer, ArtistHistory.load(directory / _HISTORY_FILE))


def _clip_to_supported_years(year: tf.Tensor) -> tf.Tensor:
    """Return int32 years; clipped before the cast, because a 64-bit year would overflow."""
    year = tf.convert_to_tensor(year)
    clipped = tf.clip_by_value(
        year, tf.cast(FIRST_YEAR, year.dtype), tf.cast(LAST_YEAR, year.dtype)
    )
    return tf.cast(tf.where(tf.equal(year, UNKNOWN_YEAR), year, clipped), tf.int32)


def _trim_padding(text: tf.Tensor) -> tf.Tensor:
    """Truncate tokens to the longest text of the batch, usually a third of the full length.

    Token dropout leaves padding inside a text: its length is the position of its last token.
    """
    if text.dtype.is_floating:
        return text
    lengths = tf.where(tf.equal(text, PAD_ID), 0, tf.range(1, tf.shape(text)[1] + 1))
    return text[:, : tf.maximum(tf.reduce_max(lengths), _MIN_TOKENS)]
