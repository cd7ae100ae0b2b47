"""Keys of artists and songs, as `pipelines.metadata.artist_keys` with TensorFlow."""

import re
import unicodedata

from .fingerprint64 import fingerprint64
from .unicode import WHITE_SPACE, case_fold, without_marks

MAX_ARTISTS, NO_ARTIST = 3, 0

_SPACE = r"[ \t\n\f\r]"
_ARTIST_SEPARATORS = re.compile(
    rf"{_SPACE}*[,;/+]{_SPACE}*|{_SPACE}+&{_SPACE}+|"
    r"[ \t\n\f\r(\[]+(?:and|with|x|vs|versus|feat|ft|featuring|duet with|introducing)\.?"
    rf"{_SPACE}+"
)
_ARTICLE = re.compile(rf"^the{_SPACE}+")
_VERSION_SUFFIX = re.compile(rf"{_SPACE}+[-(\[].*\Z")


def artist_keys(artist: str) -> list[int]:
    """Hashes of the first three credited artists, padded with 0."""
    folded = _fold(artist)
    names = [
        _letters_and_numbers(name) for name in _ARTIST_SEPARATORS.sub("\n", folded).split("\n")
    ]
    keys = [_hash(name) if name else NO_ARTIST for name in names][:MAX_ARTISTS]
    keys += [NO_ARTIST] * (MAX_ARTISTS - len(keys))
    # A name without letters or digits, such as "!!!", is hashed as it is.
    if not any(keys) and folded.strip(WHITE_SPACE):
        keys[0] = _hash(folded)
    return keys


def song_key(main_artist: int, title: str) -> int:
    """Hash of a main artist's key and a title, the same for all versions of a song."""
    folded = _fold(title)
    normalized = _letters_and_numbers(_VERSION_SUFFIX.sub("", folded)) or folded
    return _hash(f"{main_artist}\n{normalized}")


def _fold(text: str) -> str:
    return without_marks(unicodedata.normalize("NFKD", case_fold(text)))


def _letters_and_numbers(name: str) -> str:
    kept = _ARTICLE.sub("", name)
    return "".join(char for char in kept if unicodedata.category(char)[0] in "LN")


def _hash(text: str) -> int:
    return fingerprint64(text.encode()) % 2**62 + 1
