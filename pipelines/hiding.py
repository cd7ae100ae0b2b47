"""Hide parts of what is known of a song while the network trains.

So it learns to do with what is left: without artist, title or year, and for artists whose other
songs were never seen. What is hidden looks exactly as what was never known.
"""

import tensorflow as tf

from pipelines.credits import NOBODY
from pipelines.tokens import PADDING
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.config import HidingConfig

Tensors = dict[str, tf.Tensor]

# One stream of random numbers for each decision.
_ARTIST, _TITLE, _YEAR, _TOKENS, _NO_SONGS, _SHARE, _SONGS, _PHASE, _NAME = range(9)


def hide(encoded: Tensors, config: HidingConfig, seed: tf.Tensor) -> Tensors:
    """Hide artists, their names alone, titles, years and single word pieces.

    Args:
        encoded: ``artist`` and ``title``, tokens ``(batch, tokens)`` or float features
            ``(batch, width)``; ``artist_keys`` ``(batch, 3)``; ``year`` ``(batch,)``; and others,
            which stay.
        config: how much of each.
        seed: ``(2,)`` int64, another one for each batch.
    """
    artist = _without_pieces(encoded["artist"], config.word_pieces, seed, _ARTIST)
    title = _without_pieces(encoded["title"], config.word_pieces, seed, _TITLE)
    size = tf.shape(encoded["year"])
    without_year = _chosen(size, config.years, seed, _YEAR)
    without_artist = _chosen(size, config.artists, seed, _ARTIST)
    without_name = without_artist | _chosen(size, config.names, seed, _NAME)
    nobody = tf.cast(NOBODY, tf.int64)
    return {
        **encoded,
        "artist": _emptied(artist, without_name),
        "artist_keys": tf.where(without_artist[:, tf.newaxis], nobody, encoded["artist_keys"]),
        "title": _emptied(title, _chosen(size, config.titles, seed, _TITLE)),
        "year": tf.where(without_year, UNKNOWN_YEAR, encoded["year"]),
    }


def thin_out(other_songs: tf.Tensor, config: HidingConfig, seed: tf.Tensor) -> tf.Tensor:
    """Hide all other songs of some artists, and of the rest up to half.

    Args:
        other_songs: ``(batch, songs, traits)``.
        config: the share of songs whose artists are shown as unknown.
        seed: ``(2,)`` int64, another one for each batch.
    """
    size = tf.shape(other_songs)
    unknown = _chosen(size[:1], config.other_songs, seed, _NO_SONGS)[:, tf.newaxis]
    share = 0.5 * _uniform(size[:1], seed, _SHARE)[:, tf.newaxis]
    hidden = unknown | (_uniform(size[:2], seed, _SONGS) < share)
    return tf.where(hidden[:, :, tf.newaxis], 0.0, other_songs)


def random_phase(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Which of an artist's songs are shown where there are too many: ``(size,)``, 0 up to 1."""
    return _uniform([size], seed, _PHASE)


def is_shown(text: tf.Tensor) -> tf.Tensor:
    """Whether anything is there of each text, ``(batch,)`` bool.

    Args:
        text: tokens ``(batch, tokens)`` or float features ``(batch, width)``.
    """
    return tf.reduce_any(tf.not_equal(text, _nothing_like(text)), axis=1)


def _without_pieces(text: tf.Tensor, share: float, seed: tf.Tensor, stream: int) -> tf.Tensor:
    if text.dtype.is_floating:
        return text
    seed = tf.random.fold_in(seed, _TOKENS)
    return tf.where(_chosen(tf.shape(text), share, seed, stream), PADDING, text)


def _emptied(text: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
    """An empty text: all features 0, or no token at all."""
    return tf.where(hidden[:, tf.newaxis], _nothing_like(text), text)


def _nothing_like(text: tf.Tensor) -> tf.Tensor:
    return tf.zeros_like(text) if text.dtype.is_floating else tf.fill(tf.shape(text), PADDING)


def _chosen(shape: tf.Tensor, share: float, seed: tf.Tensor, stream: int) -> tf.Tensor:
    return _uniform(shape, seed, stream) < share


def _uniform(shape: tf.Tensor, seed: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, tf.random.fold_in(seed, stream))
