"""Artists and titles as word pieces."""

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

PADDING = 0
"""Token that fills sequences up to one length."""

_VOCABULARY_FILE = "vocabulary.txt"
_SETTINGS_FILE = "tokenizer.json"
_ROWS_AT_ONCE = 4096
_SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class MetadataTokenizer:
    """Turns artists and titles into word pieces: ``[CLS] text [SEP]``, cut where it is too long.

    Works eagerly and inside ``tf.data`` and other graphs.

    Args:
        vocabulary: word pieces, one token each; the position is the token's id.
        tokens: length of the sequences.
        lowercase: fold case and strip accents first, as uncased vocabularies need.

    Raises:
        ValueError: the vocabulary does not begin with [PAD].
    """

    def __init__(self, vocabulary: list[str], tokens: int, lowercase: bool = True) -> None:
        if vocabulary[PADDING] != _SPECIAL_PIECES[PADDING]:
            raise ValueError(f"expected [PAD] as first word piece, received {vocabulary[PADDING]}")
        self.vocabulary = vocabulary
        self.tokens = tokens
        self.lowercase = lowercase
        # Without strip_accents "Beyoncé" is an unknown word to an uncased vocabulary.
        self._tokenizer = keras_hub.tokenizers.BertTokenizer(
            vocabulary=vocabulary, lowercase=lowercase, strip_accents=lowercase
        )
        self._packer = keras_hub.layers.StartEndPacker(
            sequence_length=tokens,
            start_value=self._tokenizer.cls_token_id,
            end_value=self._tokenizer.sep_token_id,
            pad_value=PADDING,
        )
        # Traced once for all datasets and graphs: that takes longer than a hundred thousand texts.
        self._traced = tf.function(self._tokenise, [tf.TensorSpec([None], tf.string)])

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        """Tokenise a batch.

        Args:
            text: ``(batch,)`` string, may be empty.

        Returns:
            ``(batch, tokens)`` int32, filled up with ``PADDING``; nothing else for a blank text.
        """
        return self._traced(text)

    def _tokenise(self, text: tf.Tensor) -> tf.Tensor:
        tokens = tf.cast(self._packer(self._tokenizer(text)), tf.int32)
        blank = tf.equal(tf.strings.strip(text), "")[:, tf.newaxis]
        return tf.ensure_shape(tf.where(blank, PADDING, tokens), [None, self.tokens])

    def encode(self, texts: pd.Series) -> npt.NDArray[np.int32]:
        """Tokenise a whole column, ``(rows, tokens)``, once."""
        column = texts.to_numpy(object)
        encoded: npt.NDArray[np.int32] = np.concatenate(
            [
                self(tf.constant(column[first : first + _ROWS_AT_ONCE], tf.string)).numpy()
                for first in range(0, len(column), _ROWS_AT_ONCE)
            ]
        )
        return encoded

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
    """Learn at most ``size`` word pieces from a table with the columns artist and title."""
    learner = BertWordPieceTokenizer(lowercase=True, strip_accents=True)
    columns = zip(table.artist, table.title, strict=True)
    texts = [learner.normalize(f"{artist} {title}") for artist, title in columns]
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
