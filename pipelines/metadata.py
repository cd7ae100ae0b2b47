"""Artist, title and year as the tensors that the metadata encoder reads."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import keras_hub
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from tokenizers import BertWordPieceTokenizer

from pipelines.errors import InputError
from pipelines.files import read_json, write_atomically, write_json

UNKNOWN_YEAR = 0
"""Stands for a year that is not known."""

_VOCABULARY_FILE = "vocabulary.txt"
_SETTINGS_FILE = "tokenizer.json"
_ROWS_AT_ONCE = 4096
_SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class MetadataTokenizer:
    """Turns artist, title and year into word pieces, three segments in one sequence.

    ``[CLS] artist [SEP] title [SEP] year [SEP]``, cut from the end where it is too long. Works
    eagerly and inside ``tf.data`` and other graphs.

    Args:
        vocabulary: word pieces, one token each; the position is the token's id.
        tokens: length of the sequences.
        lowercase: fold case and strip accents first, as uncased vocabularies need.
    """

    def __init__(self, vocabulary: list[str], tokens: int, lowercase: bool = True) -> None:
        self.vocabulary = vocabulary
        self.tokens = tokens
        self.lowercase = lowercase
        # Without strip_accents "Beyoncé" is an unknown word to an uncased vocabulary.
        self._tokenizer = keras_hub.tokenizers.BertTokenizer(
            vocabulary=vocabulary, lowercase=lowercase, strip_accents=lowercase
        )
        self._packer = keras_hub.layers.MultiSegmentPacker(
            sequence_length=tokens,
            start_value=self._tokenizer.cls_token_id,
            end_value=self._tokenizer.sep_token_id,
            pad_value=self._tokenizer.pad_token_id,
            truncate="waterfall",  # round_robin needs an op that TF Serving lacks before 2.20
        )

    def __call__(
        self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Tokenise a batch.

        Args:
            artist: ``(batch,)`` string, may be empty.
            title: ``(batch,)`` string, may be empty.
            year: ``(batch,)`` integers, 0 = unknown.

        Returns:
            ``token_ids``, ``segment_ids``, ``padding_mask``: ``(batch, tokens)`` int32; ``year``:
            ``(batch,)`` int32.
        """
        year = tf.cast(year, tf.int32)
        year_text = tf.where(tf.equal(year, UNKNOWN_YEAR), "", tf.strings.as_string(year))
        token_ids, segment_ids = self._packer(
            tuple(self._tokenizer(segment) for segment in (artist, title, year_text))
        )
        shape = [None, self.tokens]
        return {
            "token_ids": tf.ensure_shape(token_ids, shape),
            "segment_ids": tf.ensure_shape(tf.cast(segment_ids, tf.int32), shape),
            "padding_mask": tf.cast(
                tf.not_equal(token_ids, self._tokenizer.pad_token_id), tf.int32
            ),
            "year": year,
        }

    def encode(self, table: pd.DataFrame) -> dict[str, npt.NDArray[np.int32]]:
        """Tokenise every row of a table with the columns artist, title and year, once."""
        columns = tuple(
            table[name].to_numpy(dtype=kind)
            for name, kind in (("artist", object), ("title", object), ("year", np.int32))
        )
        batches = (
            tf.data.Dataset.from_tensor_slices(columns)
            .batch(_ROWS_AT_ONCE)  # before the map: tokenising row by row is 50 times slower
            .map(self, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(1)
        )
        parts = list(batches.as_numpy_iterator())
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def save(self, directory: Path) -> None:
        """Write vocabulary and settings into ``directory``; the settings last."""
        with write_atomically(directory / _VOCABULARY_FILE) as temporary:
            temporary.write_text("\n".join(self.vocabulary) + "\n", encoding="utf-8")
        write_json(directory / _SETTINGS_FILE, {"tokens": self.tokens, "lowercase": self.lowercase})

    @staticmethod
    def is_stored(directory: Path) -> bool:
        """Whether :meth:`save` finished in ``directory``."""
        return (directory / _SETTINGS_FILE).is_file()

    @classmethod
    def load(cls, directory: Path) -> "MetadataTokenizer":
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the files are not there.
        """
        try:
            settings = read_json(directory / _SETTINGS_FILE)
            text = (directory / _VOCABULARY_FILE).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InputError(
                f"{error.filename}: expected a tokenizer, found no such file"
            ) from None
        return cls(text.removesuffix("\n").split("\n"), **settings)

    @classmethod
    def from_preset(cls, preset: str, tokens: int) -> "MetadataTokenizer":
        """Take the vocabulary of a KerasHub or Hugging Face BERT preset (name or local folder).

        Raises:
            InputError: there is no such preset, or it is none of BERT.
        """
        try:
            tokenizer = keras_hub.tokenizers.BertTokenizer.from_preset(preset)
        except (ValueError, OSError) as error:
            reason = str(error).partition(". ")[0]
            raise InputError(
                f"preset {preset!r}: expected the name or folder of a BERT preset, "
                f"received: {reason}"
            ) from error
        return cls(tokenizer.get_vocabulary(), tokens, tokenizer.lowercase)


def learn_vocabulary(table: pd.DataFrame, size: int) -> list[str]:
    """Learn at most ``size`` word pieces from a table with the columns artist, title and year."""
    learner = BertWordPieceTokenizer(lowercase=True, strip_accents=True)
    columns = zip(table.artist, table.title, table.year, strict=True)
    texts = [learner.normalize(f"{artist} {title} {year}") for artist, title, year in columns]
    letters = _commonest_letters(texts, most=size // 4)
    # The learner numbers what it finds in the order of a hash table, and breaks ties by number:
    # with every letter numbered beforehand the same text gives the same vocabulary in any process.
    alphabet = [*letters, *(f"##{letter}" for letter in letters)]
    rare_to_space = str.maketrans(dict.fromkeys(set().union(*texts) - set(letters), " "))
    learner.train_from_iterator(
        (text.translate(rare_to_space) for text in texts),
        vocab_size=size,
        special_tokens=[*_SPECIAL_PIECES, *alphabet],
        show_progress=False,
    )
    ids: dict[str, int] = learner.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def _commonest_letters(texts: Iterable[str], most: int) -> list[str]:
    counts = Counter(letter for text in texts for letter in text if not letter.isspace())
    return sorted(counts, key=lambda letter: (-counts[letter], letter))[:most]
