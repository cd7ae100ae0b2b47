"""Random masking of metadata during training.

The model learns to predict without artist, title or year, and for artists without known history.
A masked field is identical to one that is unknown.
"""

import tensorflow as tf

from pipelines.config import MaskingConfig
from pipelines.constants import UNKNOWN_YEAR
from pipelines.metadata.artist_keys import NO_ARTIST
from pipelines.metadata.tokenizer import PAD_ID

Tensors = dict[str, tf.Tensor]

# Each random decision folds a number of its own into the batch's seed, which makes it independent
# of the others. Other numbers would change what every seed masks.
(
    _ARTIST,
    _TITLE,
    _YEAR,
    _TOKEN_DROPOUT,
    _HISTORY,
    _HISTORY_DROPOUT_RATE,
    _HISTORY_DROPOUT,
    _SAMPLING_OFFSET,
    _ARTIST_NAME,
) = range(9)


def mask_fields(encoded: Tensors, config: MaskingConfig, seed: tf.Tensor) -> Tensors:
    """Mask artists, artist names, titles and years, and drop tokens of the remaining texts.

    Args:
        encoded: ``artist`` and ``title``, tokens ``(batch, tokens)`` or float features
            ``(batch, width)``; ``artist_keys`` ``(batch, 3)``; ``year`` ``(batch,)``; other keys
            are returned unchanged.
        config: the probabilities.
        seed: ``(2,)`` int64, different for each batch.
    """
    artist = _drop_tokens(encoded["artist"], config.token_dropout, seed, _ARTIST)
    title = _drop_tokens(encoded["title"], config.token_dropout, seed, _TITLE)
    size = tf.shape(encoded["year"])
    mask_year = _bernoulli(size, config.year_rate, seed, _YEAR)
    mask_title = _bernoulli(size, config.title_rate, seed, _TITLE)
    mask_artist = _bernoulli(size, config.artist_rate, seed, _ARTIST)
    mask_name = mask_artist | _bernoulli(size, config.artist_name_rate, seed, _ARTIST_NAME)
    no_artist = tf.cast(NO_ARTIST, tf.int64)
    return {
        **encoded,
        "artist": _mask_text(artist, mask_name),
        "artist_keys": tf.where(mask_artist[:, tf.newaxis], no_artist, encoded["artist_keys"]),
        "title": _mask_text(title, mask_title),
        "year": tf.where(mask_year, UNKNOWN_YEAR, encoded["year"]),
    }


def mask_history(history: tf.Tensor, config: MaskingConfig, seed: tf.Tensor) -> tf.Tensor:
    """Mask the whole history of some artists, and up to half of the songs of the others.

    Args:
        history: ``(batch, songs, features)``.
        config: ``history_rate`` is the probability of masking the whole history.
        seed: ``(2,)`` int64, different for each batch.
    """
    size = tf.shape(history)
    mask_all = _bernoulli(size[:1], config.history_rate, seed, _HISTORY)[:, tf.newaxis]
    # The dropout rate of the songs is uniform in [0, 0.5) for each row.
    dropout_rate = 0.5 * _uniform(size[:1], seed, _HISTORY_DROPOUT_RATE)[:, tf.newaxis]
    mask = mask_all | _bernoulli(size[:2], dropout_rate, seed, _HISTORY_DROPOUT)
    return tf.where(mask[:, :, tf.newaxis], 0.0, history)


def random_sampling_offset(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw the ``sampling_offset`` of ``ArtistHistory.lookup``: ``(size,)`` float32 in [0, 1)."""
    return _uniform([size], seed, _SAMPLING_OFFSET)


def is_present(text: tf.Tensor) -> tf.Tensor:
    """Return whether each text has any content, ``(batch,)`` bool.

    Args:
        text: tokens ``(batch, tokens)`` or float features ``(batch, width)``.
    """
    return tf.reduce_any(tf.not_equal(text, _empty_like(text)), axis=1)


def _drop_tokens(text: tf.Tensor, rate: float, seed: tf.Tensor, stream: int) -> tf.Tensor:
    """Replace tokens by padding with probability ``rate``; float features are not changed."""
    if text.dtype.is_floating:
        return text
    seed = tf.random.fold_in(seed, _TOKEN_DROPOUT)
    return tf.where(_bernoulli(tf.shape(text), rate, seed, stream), PAD_ID, text)


def _mask_text(text: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    return tf.where(mask[:, tf.newaxis], _empty_like(text), text)


def _empty_like(text: tf.Tensor) -> tf.Tensor:
    """Return empty texts of the same shape: padding only, or features that are all 0."""
    return tf.zeros_like(text) if text.dtype.is_floating else tf.fill(tf.shape(text), PAD_ID)


def _bernoulli(
    shape: tf.Tensor, rate: float | tf.Tensor, seed: tf.Tensor, stream: int
) -> tf.Tensor:
    """Draw bools that are True with probability ``rate``."""
    return _uniform(shape, seed, stream) < rate


def _uniform(shape: tf.Tensor, seed: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, tf.random.fold_in(seed, stream))
