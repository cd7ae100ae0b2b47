"""Artist, title and year as the tensors that the metadata encoder reads.

One reader serves training, prediction and exported graphs. It works in two steps: ``encode``
depends on a song alone and is done once; ``inputs`` looks the artists up and, in training, hides
parts of what is known, anew each time a song is seen.
"""

from pathlib import Path

import pandas as pd
import tensorflow as tf

from pipelines.credits import NOBODY, artist_keys, song_key
from pipelines.discographies import Discographies
from pipelines.hiding import Tensors, hide, is_shown, random_phase, thin_out
from pipelines.tokens import PADDING, MetadataTokenizer
from pipelines.years import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from songpop_tf.config import HidingConfig

TEXTS = ("artist", "title")
_SONGS_FILE = "artists.npz"
_SHORTEST = 2
"""Keras warns of attention over a single token."""


class MetadataReader:
    """Turns artist, title and year into the inputs of the metadata encoder.

    Args:
        tokenizer: makes word pieces of artists and titles.
        discographies: the songs of the training set by artist.
    """

    def __init__(self, tokenizer: MetadataTokenizer, discographies: Discographies) -> None:
        self.tokenizer = tokenizer
        self.discographies = discographies

    def __call__(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Tensors:
        """Read a batch of songs, with nothing hidden: see :meth:`encode` and :meth:`inputs`."""
        return self.inputs(self.encode(artist, title, year))

    def encode(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Tensors:
        """What depends on the songs alone, one value or row a song.

        Args:
            artist: ``(batch,)`` string, may be empty.
            title: ``(batch,)`` string, may be empty.
            year: ``(batch,)`` integers, 0 = unknown; beyond the years that the program knows, the
                nearest of them is taken.
        """
        year = _known_to_the_calendar(year)
        credits = artist_keys(artist)
        return {
            "artist": self.tokenizer(artist),
            "title": self.tokenizer(title),
            "year": year,
            "in_large": tf.zeros_like(year),
            "artist_keys": credits,
            "song_key": song_key(credits, title),
        }

    def encode_table(self, table: pd.DataFrame) -> Tensors:
        """Encode every row of a table with the columns artist, title, year and in_large."""
        artist, title = (tf.constant(table[name].to_numpy(object), tf.string) for name in TEXTS)
        year, in_large = (
            tf.constant(table[name].to_numpy("int32")) for name in ("year", "in_large")
        )
        credits = artist_keys(artist)
        return {
            "artist": tf.constant(self.tokenizer.encode(table.artist)),
            "title": tf.constant(self.tokenizer.encode(table.title)),
            "year": year,
            "in_large": in_large,
            "artist_keys": credits,
            "song_key": song_key(credits, title),
        }

    def inputs(
        self,
        encoded: Tensors,
        hiding: HidingConfig | None = None,
        seed: tf.Tensor | None = None,
    ) -> Tensors:
        """Finish what :meth:`encode` began.

        Args:
            encoded: a batch of it; "artist" and "title" may also hold what a frozen encoder made of
                the texts, float ``(batch, width)``.
            hiding: what to hide from the network, with ``seed``; None to hide nothing.
            seed: ``(2,)`` int64, another one for each batch.

        Returns:
            ``artist``, ``title``: ``(batch, longest)`` int32 tokens, cut to the batch's longest (or
            as they were given); ``year``, ``in_large``, ``artists`` (how many are credited):
            ``(batch,)`` int32; ``trend``: ``(batch,)`` float32, the popularity that the year lets
            expect; ``other_songs``: ``(batch, 32, 5)`` float32, see
            :meth:`pipelines.discographies.Discographies.other_songs`.

        Raises:
            ValueError: only one of ``hiding`` and ``seed`` is given.
        """
        if (hiding is None) != (seed is None):
            raise ValueError("hiding needs a seed, and a seed something to hide")
        size = tf.shape(encoded["year"])[0]
        phase = tf.fill([size], 0.5)
        if hiding is not None:
            encoded = hide(encoded, hiding, seed)
            phase = random_phase(size, seed)
        year = self.discographies.within_known_years(encoded["year"])
        credits = encoded["artist_keys"]
        other_songs = self.discographies.other_songs(
            credits, encoded["song_key"], is_shown(encoded["title"]), year, phase
        )
        if hiding is not None:
            other_songs = thin_out(other_songs, hiding, seed)
        return {
            **{name: _cut_to_longest(encoded[name]) for name in TEXTS},
            "year": year,
            "in_large": encoded["in_large"],
            "artists": tf.reduce_sum(tf.cast(tf.not_equal(credits, NOBODY), tf.int32), axis=1),
            "trend": self.discographies.trend(year, encoded["in_large"]),
            "other_songs": other_songs,
        }

    def save(self, directory: Path) -> None:
        """Write everything into ``directory``; the tokenizer, which marks it whole, last."""
        self.discographies.save(directory / _SONGS_FILE)
        self.tokenizer.save(directory)

    @staticmethod
    def is_stored(directory: Path) -> bool:
        """Whether :meth:`save` finished in ``directory``."""
        return MetadataTokenizer.is_stored(directory)

    @classmethod
    def load(cls, directory: Path) -> "MetadataReader":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the files are not there.
        """
        tokenizer = MetadataTokenizer.load(directory)
        return cls(tokenizer, Discographies.load(directory / _SONGS_FILE))


def _known_to_the_calendar(year: tf.Tensor) -> tf.Tensor:
    """int32 years; clipped before, so that no number of 64 bits wraps around."""
    year = tf.convert_to_tensor(year)
    near = tf.clip_by_value(year, tf.cast(FIRST_YEAR, year.dtype), tf.cast(LAST_YEAR, year.dtype))
    return tf.cast(tf.where(tf.equal(year, UNKNOWN_YEAR), year, near), tf.int32)


def _cut_to_longest(text: tf.Tensor) -> tf.Tensor:
    """Cut the tokens of a batch to its longest text: most need a third of the room."""
    if text.dtype.is_floating:
        return text
    places = tf.where(tf.equal(text, PADDING), 0, tf.range(1, tf.shape(text)[1] + 1))
    return text[:, : tf.maximum(tf.reduce_max(places), _SHORTEST)]
