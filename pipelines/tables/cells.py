"""What a cell says: names, years, numbers, or that the value is missing."""

import re
import unicodedata

from pipelines.constants import UNKNOWN_YEAR
from pipelines.errors import InputError

# What pandas, NumPy and spreadsheets write for a missing value, and nobody calls a song.
_NO_NAMES = frozenset({"nan", "NaN", "<NA>", "NaT", "#N/A", "#NAME?", "#REF!", "#VALUE!"})
# Also missing values, but there are songs and artists of these names.
_DOUBTFUL_NAMES = frozenset({"none", "null", "na", "n/a"})
_MISSING = frozenset({"", "nat", *(name.casefold() for name in _NO_NAMES), *_DOUBTFUL_NAMES})

_MONTH, _DAY = "(?:0?[0-9]|1[0-2])", "(?:[0-2]?[0-9]|3[01])"
_TIME = r"(?:[T ][0-9]{1,2}:[0-9]{2}.*)?"
_YEAR = re.compile(
    # 1977, 1977.0 or 1977,0, 1977-02, 1977-02-04 00:00:00+00:00; of an unknown day or month 0.
    rf"([0-9]{{1,4}})(?:[.,]0*|[-/]{_MONTH}|(?P<s>[-/.]){_MONTH}(?P=s){_DAY}{_TIME})?"
)
# 04.02.1977 or 2/4/1977: whichever is the month, the year is the same.
_YEAR_LAST = re.compile(rf"{_DAY}([./-]){_DAY}\1([0-9]{{4}}){_TIME}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def is_missing(text: str) -> bool:
    """Whether a cell that holds no name is empty, or holds the text of a missing value."""
    return text.strip().casefold() in _MISSING


def clean_name(text: str) -> str:
    """A name in one line and Unicode NFC; "" for a text that only a missing value has."""
    # A line break within a name would end a row of the tables that `prepare` writes.
    text = " ".join(text.splitlines()).strip()
    if text.isascii():
        return "" if text in _NO_NAMES else text
    # JSON writes an emoji as two surrogates.
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", joined)


def are_missing_names(*names: str) -> bool:
    """Whether all names of a row are texts like None, of which one alone may be a name."""
    return all(name.casefold() in _DOUBTFUL_NAMES or not name for name in names)


def parse_year(text: str) -> int:
    """Return the year of a date in any order, or 0 if the date is missing.

    Raises:
        InputError: the text is no year and no date with a year of four digits.
    """
    text = text.strip()
    if is_missing(text):
        return UNKNOWN_YEAR
    if match := _YEAR.fullmatch(text):
        return int(match[1])
    if match := _YEAR_LAST.fullmatch(text):
        return int(match[2])
    raise InputError(f"expected YYYY, YYYY-MM or YYYY-MM-DD, received {text[:40]!r}")


def parse_number(text: str, decimal_comma: bool) -> float | None:
    """Return a finite number, or None for any other text.

    Args:
        text: of a cell.
        decimal_comma: whether 7,5 is a number; in tables that are not separated by commas.
    """
    text = text.strip()
    if decimal_comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) and abs(float(text)) < float("inf") else None
