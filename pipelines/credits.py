"""Who is credited with a song, as numbers that can be computed inside a graph.

The keys are cruder than those of :mod:`pipelines.names`, which need Python: they are for looking an
artist up while a batch is made, in training and in an exported model alike.
"""

import tensorflow as tf
import tensorflow_text as tf_text

CREDITED = 3
"""So many artists of a song are looked up."""
NOBODY = 0
"""The key of no artist."""

_KEYS = 2**62
_MARKS = r"\p{Mn}+"
_BETWEEN_ARTISTS = (
    r"\s*[,;/+]\s*|\s+&\s+|"
    r"[\s(\[]+(?:and|with|x|vs|versus|feat|ft|featuring|duet with|introducing)\.?\s+"
)
_NOT_IN_KEYS = r"^the\s+|[^\pL\pN]+"
# 'Dreams (Live)', 'Dreams - 2004 Remaster': all versions of a song have one key.
_VERSION = r"\s+[-(\[].*$"


def artist_keys(artist: tf.Tensor) -> tf.Tensor:
    """Number the artists of each credit.

    Args:
        artist: ``(batch,)`` string, such as "Simon & Garfunkel" or "A, B feat. C".

    Returns:
        ``(batch, 3)`` int64: a key for each of the first artists, the main one first;
        ``NOBODY`` where there is none. Case, accents, punctuation and a leading "the" do not count.
    """
    folded = _folded(artist)
    singles = tf.strings.split(tf.strings.regex_replace(folded, _BETWEEN_ARTISTS, "\n"), "\n")
    keys = singles.with_flat_values(_keys(singles.flat_values))
    dense = keys.to_tensor(default_value=NOBODY, shape=[None, CREDITED])
    # A name of signs only, '!!!', is a name too.
    signs = tf.where(
        tf.equal(tf.strings.strip(folded), ""), tf.cast(NOBODY, tf.int64), _hash(folded)
    )
    first = tf.where(tf.reduce_all(tf.equal(dense, NOBODY), axis=1), signs, dense[:, 0])
    return tf.concat([first[:, tf.newaxis], dense[:, 1:]], axis=1)


def song_key(artists: tf.Tensor, title: tf.Tensor) -> tf.Tensor:
    """Number songs by main artist and title, ``(batch,)`` int64; versions of one share a key.

    Args:
        artists: ``(batch, 3)`` int64 from :func:`artist_keys`.
        title: ``(batch,)`` string.
    """
    folded = _folded(title)
    main = tf.strings.regex_replace(
        tf.strings.regex_replace(folded, _VERSION, ""), _NOT_IN_KEYS, ""
    )
    text = tf.where(tf.equal(main, ""), folded, main)
    return _hash(tf.strings.join([tf.strings.as_string(artists[:, 0]), text], "\n"))


def _folded(text: tf.Tensor) -> tf.Tensor:
    apart = tf_text.normalize_utf8(tf_text.case_fold_utf8(text), "NFKD")
    return tf.strings.regex_replace(apart, _MARKS, "")


def _keys(names: tf.Tensor) -> tf.Tensor:
    bare = tf.strings.regex_replace(names, _NOT_IN_KEYS, "")
    return tf.where(tf.equal(bare, ""), tf.cast(NOBODY, tf.int64), _hash(bare))


def _hash(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(text, _KEYS) + 1
