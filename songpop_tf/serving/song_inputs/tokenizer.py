"""WordPiece tokenization, as `pipelines.metadata.tokenizer` with TensorFlow."""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from .unicode import WHITE_SPACE, case_fold, without_marks

_MAX_WORD_BYTES = 100
_IDEOGRAPHS = (
    ("\u4e00", "\u9fff"),
    ("\u3400", "\u4dbf"),
    ("\U00020000", "\U0002a6df"),
    ("\U0002a700", "\U0002ceaf"),
    ("\uf900", "\ufaff"),
    ("\U0002f800", "\U0002fa1f"),
)


class Tokenizer:
    """Converts a text to token ids: ``[CLS] text [SEP]``, truncated and padded with 0.

    Args:
        folder: contains vocabulary.txt and tokenizer.json.
    """

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self._tokens, self._lowercase = settings["tokens"], settings["lowercase"]
        pieces = (folder / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n")
        self._ids = {piece: number for number, piece in enumerate(pieces.split("\n"))}

    def __call__(self, text: str) -> list[int]:
        """Return the token ids of a text; a blank one is padding only."""
        ids: list[int] = []
        if text.strip(WHITE_SPACE):
            pieces = [piece for word in self._words(text) for piece in self._word_pieces(word)]
            ids = [self._ids["[CLS]"], *pieces[: self._tokens - 2], self._ids["[SEP]"]]
        return ids + [0] * (self._tokens - len(ids))

    def _words(self, text: str) -> Iterator[str]:
        """Split at white space, and before and after each punctuation mark and ideograph."""
        text = without_marks(unicodedata.normalize("NFD", text)) if self._lowercase else text
        words = "".join(map(_mark_ends, text)).split("\n")
        return (case_fold(word) if self._lowercase else word for word in words if word)

    def _word_pieces(self, word: str) -> list[int]:
        """Ids of the longest pieces, from the start; of [UNK] if the word has other parts."""
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._ids), 0)
            if not end or len(word.encode()) > _MAX_WORD_BYTES:
                return [self._ids["[UNK]"]]
            pieces.append(self._ids[prefix + word[start:end]])
            start = end
        return pieces


def _mark_ends(character: str) -> str:
    """A character with line breaks in place of white space and around what is a word by itself."""
    category = unicodedata.category(character)
    if character in WHITE_SPACE or category in ("Cc", "Cf"):
        return "\n"
    is_sign = character.isascii() and not character.isalnum()
    if is_sign or category[0] == "P" or _is_ideograph(character):
        return f"\n{character}\n"
    return character


def _is_ideograph(character: str) -> bool:
    return any(first <= character <= last for first, last in _IDEOGRAPHS)
