"""The artists of a song, as the tools of this field write them into one cell."""

import ast
import json
import re
import warnings
from typing import Any

from pipelines.errors import InputError
from pipelines.tables.cells import clean_name, is_missing

# A list of one or more names without any quote or backslash inside: split without a parser.
_SIMPLE_LIST = re.compile(r"\['[^'\"\\]+'(?:, '[^'\"\\]+')*\]")
_STRING = r"[uU]?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
# ['A', 'B'] of Python and ['A' 'B'] of NumPy: Python itself would join the latter to 'AB'.
_LIST_OF_STRINGS = re.compile(rf"[\[(]\s*{_STRING}(?:[\s,]+{_STRING})*\s*,?\s*[\])]", re.DOTALL)
_NUMPY_ARRAY = re.compile(r"array\((.*?)(?:,\s*dtype=[^)]*)?\)", re.DOTALL)
_NUMPY_STRING = re.compile(rf"np\.str_\(({_STRING})\)", re.DOTALL)
# NumPy separates dictionaries by a space or a line break.
_BETWEEN_DICTIONARIES = re.compile(r"\}\s+\{")
_LIST_START = re.compile(r"array\(|[\[({]\s*(?:[uU]?['\"]|np\.|\{)")
_BETWEEN_NAMES = re.compile(r"[;|]")


def parse_artists(text: str) -> tuple[str, ...]:
    """Return the names of a list of artists, or of one artist.

    Args:
        text: a list of names as Python, NumPy or JSON write it, a list of Spotify's dictionaries
            with a name, names joined by semicolons or vertical bars, or one name.

    Raises:
        InputError: it is another list, or has no name.
    """
    text = text.strip()
    if _SIMPLE_LIST.fullmatch(text):
        names: Any = text[2:-2].split("', '")
    elif _is_list(text):
        names = _parse_list(text)
    else:
        names = _BETWEEN_NAMES.split(text)
    if names is None or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"expected artists as a Python list of names, or one name, received {text[:80]!r}"
        )
    # The real table credits some songs to a name and an empty name.
    artists = tuple(name for name in map(clean_name, names) if name)
    if not artists:
        raise InputError(f"expected at least one artist, received {text[:80]!r}")
    return artists


def _is_list(text: str) -> bool:
    """Whether a text is code rather than a name, such as [spunge], (G)I-DLE or 'Til Tuesday."""
    if _LIST_START.match(text) or not re.search(r"[^\W_]", text):
        return True
    in_brackets = text[:1] + text[-1:] in ("[]", "()", "{}")
    in_quotes = text[:1] in ("'", '"') and text[-1:] == text[:1]
    inner = text[1:-1]
    return in_quotes or (in_brackets and ("," in inner or inner.isdecimal() or is_missing(inner)))


def _parse_list(text: str) -> Any:
    """Return the names in a list; None for a text that is none."""
    if array := _NUMPY_ARRAY.fullmatch(text):
        text = array[1]
    text = _NUMPY_STRING.sub(r"\1", text)
    content = _parse_json(text)
    if content is None and _LIST_OF_STRINGS.fullmatch(text):
        content = [_literal(string) for string in re.findall(_STRING, text, re.DOTALL)]
    elif content is None:
        content = _literal(_BETWEEN_DICTIONARIES.sub("}, {", text))
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, (list, tuple)):
        return None
    names = [item.get("name") if isinstance(item, dict) else item for item in content]
    return [name for name in names if name is not None]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        # A stray backslash in a name makes Python's parser warn.
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
