"""One of the artists' other songs left out of their history, for the signature ``history``."""

import tensorflow as tf

from pipelines.constants import HISTORY_LENGTH
from pipelines.metadata.artist_history import RESIDUAL_SCALE
from pipelines.metadata.masking import Tensors
from songpop_tf.serving.schema import HISTORY_OUTPUTS, HISTORY_POSITION, LEAVE_OUT_ALL

POSITION_SPEC = tf.TensorSpec([None], tf.int64, name=HISTORY_POSITION)


def leave_out(history: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Leave a song, all songs or none out of each history.

    Args:
        history: ``(batch, 32, 5)`` of `pipelines.metadata.artist_history.ArtistHistory.lookup`.
        position: ``(batch,)`` int64, of the song; ``LEAVE_OUT_ALL`` for all; others for none.
    """
    is_left_out = tf.one_hot(position, HISTORY_LENGTH, on_value=True, off_value=False)
    is_left_out |= tf.equal(position, LEAVE_OUT_ALL)[:, tf.newaxis]
    return tf.where(is_left_out[:, :, tf.newaxis], 0.0, history)


def history_song(years: tf.Tensor, history: tf.Tensor, position: tf.Tensor) -> Tensors:
    """Describe the song at a position of each history.

    Args:
        years: ``(batch, 32)`` int32 of the songs of each history, 0 = unknown.
        history: as in `leave_out`.
        position: ``(batch,)`` int64, as in `leave_out`.

    Returns:
        Each ``(batch,)``, and 0 where there is no song at the position: ``song_year``, int64, 0 =
        unknown; ``song_difference``, float32, the song's popularity minus that expected of its
        year; ``song_count``, float32, the number of songs that it represents.
    """
    index = tf.clip_by_value(position, 0, HISTORY_LENGTH - 1)
    is_position = tf.equal(index, position)
    song = tf.gather(history, index, axis=1, batch_dims=1)
    song_year = tf.gather(years, index, axis=1, batch_dims=1)
    values = (
        tf.where(is_position, tf.cast(song_year, tf.int64), 0),
        tf.where(is_position, song[:, 1] * RESIDUAL_SCALE, 0.0),
        tf.where(is_position, song[:, 0], 0.0),
    )
    return dict(zip(HISTORY_OUTPUTS, values, strict=True))
