"""Integer keys of artists and songs, computed with TensorFlow operations only.

Datasets and exported models look an artist up by key inside a graph. The keys are coarser than the
normalized names of `pipelines.linkage.normalization`, which need Python.
"""

import tensorflow as tf

from pipelines.tensorflow_text import import_tensorflow_text

MAX_ARTISTS = 3
"""Number of credited artists of a song that are looked up."""
NO_ARTIST = 0
"""Key that pads the credits; no artist has it."""

_HASH_BUCKETS = 2**62
_COMBINING_MARKS = r"\p{Mn}+"
_ARTIST_SEPARATORS = (
    r"\s*[,;/+]\s*|\s+&\s+|"
    r"[\s(\[]+(?:and|with|x|vs|versus|feat|ft|featuring|duet with|introducing)\.?\s+"
)
# A leading "the", and everything but letters and digits.
_IGNORED_IN_KEYS = r"^the\s+|[^\pL\pN]+"
# "Dreams (Live)", "Dreams - 2004 Remaster": all versions of a song share one key.
_VERSION_SUFFIX = r"\s+[-(\[].*$"


def artist_keys(artist: tf.Tensor) -> tf.Tensor:
    """Hash the credited artists.

    Args:
        artist: ``(batch,)`` string, such as "Simon & Garfunkel" or "A, B feat. C".

    Returns:
        ``(batch, 3)`` int64: the keys of the first ``MAX_ARTISTS`` artists, the main artist first,
        padded with ``NO_ARTIST``. Case, accents, punctuation and a leading "the" do not matter.
    """
    folded = _fold(artist)
    names = tf.strings.split(tf.strings.regex_replace(folded, _ARTIST_SEPARATORS, "\n"), "\n")
    keys = names.with_flat_values(_name_keys(names.flat_values))
    keys = keys.to_tensor(default_value=NO_ARTIST, shape=[None, MAX_ARTISTS])
    # A name without letters or digits, such as "!!!", is hashed as it is.
    is_blank = tf.equal(tf.strings.strip(folded), "")
    symbol_key = tf.where(is_blank, tf.cast(NO_ARTIST, tf.int64), _hash(folded))
    main_key = tf.where(tf.reduce_all(tf.equal(keys, NO_ARTIST), axis=1), symbol_key, keys[:, 0])
    return tf.concat([main_key[:, tf.newaxis], keys[:, 1:]], axis=1)


def song_key(artists: tf.Tensor, title: tf.Tensor) -> tf.Tensor:
    """Hash main artist and title, ``(batch,)`` int64; all versions of a song share a key.

    Args:
        artists: ``(batch, 3)`` int64 from `artist_keys`.
        title: ``(batch,)`` string.
    """
    folded = _fold(title)
    without_version = tf.strings.regex_replace(folded, _VERSION_SUFFIX, "")
    normalized = tf.strings.regex_replace(without_version, _IGNORED_IN_KEYS, "")
    # A title without letters or digits, such as "???", is hashed as it is.
    normalized = tf.where(tf.equal(normalized, ""), folded, normalized)
    return _hash(tf.strings.join([tf.strings.as_string(artists[:, 0]), normalized], "\n"))


def _fold(text: tf.Tensor) -> tf.Tensor:
    """Fold case and remove accents: NFKD separates them from their letters."""
    tf_text = import_tensorflow_text()
    decomposed = tf_text.normalize_utf8(tf_text.case_fold_utf8(text), "NFKD")
    return tf.strings.regex_replace(decomposed, _COMBINING_MARKS, "")


def _name_keys(names: tf.Tensor) -> tf.Tensor:
    normalized = tf.strings.regex_replace(names, _IGNORED_IN_KEYS, "")
    no_artist = tf.cast(NO_ARTIST, tf.int64)
    return tf.where(tf.equal(normalized, ""), no_artist, _hash(normalized))


def _hash(text: tf.Tensor) -> tf.Tensor:
    """Return keys from 1 on; 0 is ``NO_ARTIST``."""
    return tf.strings.to_hash_bucket_fast(text, _HASH_BUCKETS) + 1
