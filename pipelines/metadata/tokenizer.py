"""WordPiece tokenization of artists and titles."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import keras_hub
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from tokenizers import BertWordPieceTokenizer

from pipelines.file_errors import reading
from pipelines.io import read_json, write_atomically, write_json
from pipelines.metadata.presets import (
    is_hugging_face_folder,
    loading_preset,
    read_hugging_face_vocabulary,
)
from pipelines.tensorflow_text import import_tensorflow_text

PAD_ID = 0
"""Id of the padding token [PAD]."""

_VOCABULARY_FILE = "vocabulary.txt"
_SETTINGS_FILE = "tokenizer.json"
_BATCH_SIZE = 4096
_SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class MetadataTokenizer:
    """Converts artists and titles to token ids: ``[CLS] text [SEP]``, truncated and padded.

    Tokenization consists of TensorFlow operations only. It works eagerly and inside ``tf.data``,
    and an exported graph contains the vocabulary, so that a server needs no Python.

    Args:
        vocabulary: word pieces; the position of a piece is its token id.
        tokens: length of the sequences.
        lowercase: fold case and strip accents first, as uncased vocabularies need.

    Raises:
        ValueError: the vocabulary does not begin with [PAD].
        InputError: TensorFlow Text is not installed.
    """

    def __init__(self, vocabulary: list[str], tokens: int, lowercase: bool = True) -> None:
        if vocabulary[PAD_ID] != _SPECIAL_TOKENS[PAD_ID]:
            raise ValueError(f"expected [PAD] as first word piece, received {vocabulary[PAD_ID]}")
        import_tensorflow_text()
        self.vocabulary = vocabulary
        self.tokens = tokens
        self.lowercase = lowercase
        # WordPiece splits a word greedily into the longest pieces of the vocabulary; "##" marks a
        # piece that continues a word. A word that cannot be split completely becomes [UNK]. Without
        # strip_accents that would be "Beyoncé" with an uncased vocabulary.
        self._tokenizer = keras_hub.tokenizers.BertTokenizer(
            vocabulary=vocabulary, lowercase=lowercase, strip_accents=lowercase
        )
        self._packer = keras_hub.layers.StartEndPacker(
            sequence_length=tokens,
            start_value=self._tokenizer.cls_token_id,
            end_value=self._tokenizer.sep_token_id,
            pad_value=PAD_ID,
        )
        # Traced once and shared by all datasets and graphs: tracing takes longer than tokenizing a
        # hundred thousand texts. The signature prevents a new trace for each batch size.
        self._traced = tf.function(self._tokenize_and_pack, [tf.TensorSpec([None], tf.string)])

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        """Tokenize a batch.

        Args:
            text: ``(batch,)`` string, may be empty.

        Returns:
            ``(batch, tokens)`` int32, padded with ``PAD_ID``; a blank text is padding only.
        """
        return self._traced(text)

    def _tokenize_and_pack(self, text: tf.Tensor) -> tf.Tensor:
        # The tokenizer returns a ragged tensor (batch, pieces); the packer makes it dense.
        tokens = tf.cast(self._packer(self._tokenizer(text)), tf.int32)
        # A blank text has no [CLS] and [SEP] either: it looks like a masked one.
        is_blank = tf.equal(tf.strings.strip(text), "")[:, tf.newaxis]
        return tf.ensure_shape(tf.where(is_blank, PAD_ID, tokens), [None, self.tokens])

    def tokenize_column(self, texts: pd.Series) -> npt.NDArray[np.int32]:
        """Tokenize a whole column, ``(rows, tokens)``, in batches."""
        column = texts.to_numpy(object)
        tokens: npt.NDArray[np.int32] = np.concatenate(
            [
                self(tf.constant(column[first : first + _BATCH_SIZE], tf.string)).numpy()
                for first in range(0, len(column), _BATCH_SIZE)
            ]
        )
        return tokens

    def save(self, directory: Path) -> None:
        """Write all files to ``directory``; the settings last, see `is_saved`."""
        with write_atomically(directory / _VOCABULARY_FILE) as temporary:
            temporary.write_text("\n".join(self.vocabulary) + "\n", encoding="utf-8")
        write_json(directory / _SETTINGS_FILE, {"tokens": self.tokens, "lowercase": self.lowercase})

    @staticmethod
    def is_saved(directory: Path) -> bool:
        """Return whether `save` finished in ``directory``."""
        return (directory / _SETTINGS_FILE).is_file()

    @classmethod
    def load(cls, directory: Path) -> "MetadataTokenizer":
        """Read the files written by `save`.

        Raises:
            InputError: a file is missing or damaged.
        """
        with reading(directory / _SETTINGS_FILE, "a tokenizer's settings"):
            settings = read_json(directory / _SETTINGS_FILE)
            tokens, lowercase = settings["tokens"], settings["lowercase"]
        with reading(directory / _VOCABULARY_FILE, "a vocabulary"):
            text = (directory / _VOCABULARY_FILE).read_text(encoding="utf-8")
            return cls(text.removesuffix("\n").split("\n"), tokens, lowercase)

    @classmethod
    def from_preset(cls, preset: str, tokens: int) -> "MetadataTokenizer":
        """Use the vocabulary of a KerasHub or Hugging Face BERT preset (name or local folder).

        Raises:
            InputError: the preset does not exist, is not a BERT preset, or is damaged.
        """
        folder = Path(preset)
        with loading_preset(preset):
            if is_hugging_face_folder(folder):
                vocabulary, lowercase = read_hugging_face_vocabulary(folder)
                return cls(vocabulary, tokens, lowercase)
            tokenizer = keras_hub.tokenizers.BertTokenizer.from_preset(preset)
            return cls(tokenizer.get_vocabulary(), tokens, tokenizer.lowercase)


def train_vocabulary(table: pd.DataFrame, size: int) -> list[str]:
    """Train an uncased WordPiece vocabulary on a table with the columns artist and title.

    Args:
        table: the texts.
        size: largest number of word pieces, including the special tokens.
    """
    trainer = BertWordPieceTokenizer(lowercase=True, strip_accents=True)
    columns = zip(table.artist, table.title, strict=True)
    texts = [trainer.normalize(f"{artist} {title}") for artist, title in columns]
    characters = _most_frequent_characters(texts, count=size // 4)
    # The trainer assigns ids to characters in the order of a hash table and breaks ties between
    # pieces by id. Every character gets its id beforehand, as a special token, so that the same
    # texts give the same vocabulary in every process.
    alphabet = [*characters, *(f"##{character}" for character in characters)]
    rare_to_space = str.maketrans(dict.fromkeys(set().union(*texts) - set(characters), " "))
    trainer.train_from_iterator(
        (text.translate(rare_to_space) for text in texts),
        vocab_size=size,
        special_tokens=[*_SPECIAL_TOKENS, *alphabet],
        show_progress=False,
    )
    ids: dict[str, int] = trainer.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def _most_frequent_characters(texts: Iterable[str], count: int) -> list[str]:
    """Return up to ``count`` characters, by frequency, then by code point; no white space."""
    counts = Counter(character for text in texts for character in text if not character.isspace())
    return sorted(counts, key=lambda character: (-counts[character], character))[:count]
