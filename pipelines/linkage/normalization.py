"""Normalize artists and titles to comparison keys.

The keys are for comparison only. They are lower case, without accents on Latin letters and without
punctuation, and never empty for a text that is not blank:

    title_key("Tonight's The Night (Gonna Be Alright) - 2009 Remaster")
        -> "tonights the night gonna be alright"
    artist_key("The Mamas & The Papas Featuring Someone") -> "mamas and papas"
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Holds every title and artist of the largest supported table (600,000 rows).
_CACHE_SIZE = 1 << 20

_APOSTROPHES = re.compile("['`\u00b4\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07]")
_ACCENTS = re.compile("(?<=[A-Za-z\u00c0-\u024f])[\u0300-\u036f]+")
# Letters that NFKD does not decompose into a letter and an accent, and signs that it would
# decompose into letters.
_LETTER_REPLACEMENTS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "æ": "ae"}
    | {"Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "ı": "i", "×": " x "}
    | {"™": "", "®": "", "©": ""}
)
# Signs in place of letters: Ke$ha, A$AP, P!nk, M@rk, and stars that censor them: F**k, *NSYNC.
_SIGN_REPLACEMENTS = (
    (re.compile(r"\$(?=[a-z])|(?<=[a-z])\$"), "s"),
    (re.compile(r"(?<=[a-z])!(?=[a-z])"), "i"),
    (re.compile(r"(?<=[a-z])@(?=[a-z])"), "a"),
    (re.compile(r"(?<=\w)\*+(?=\w)|(?<!\S)\*+(?=\w)"), ""),
    (re.compile(r"[&+]"), " and "),
)
_INITIALS = re.compile(r"\b\w(?:\.\w)+\b\.?")
_PUNCTUATION = re.compile(r"[\W_]+")

_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=2
    )
} | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100"}
_ROMAN_NUMERALS = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
# These are ordinary words or letters, and numbers only after a word such as "part".
_PART_NUMBERS = {"one": "1", "i": "1", "v": "5", "x": "10"}
_PART_ABBREVIATIONS = {"pt": "part", "pts": "part", "parts": "part", "vol": "volume"}
_NUMBERED_WORDS = frozenset({"part", "volume", "chapter", "no", "number"})

_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)(?:[)\]}]|$)")
_DASH = re.compile(r"\s+(?:-|--|\u2013|\u2014)\s+")
_TRAILING_CREDIT = re.compile(r"\s(?:feat\.?|ft\.?|featuring)\s.*$", re.IGNORECASE)
_GUEST_CREDIT = re.compile(r"(?:feat|ft|featuring|with|w|duet with|prod|prod by|produced by)\b")
_SOUNDTRACK_SOURCE = re.compile(r"(?:music )?from\b|(?:\w+ )?theme (?:from|of|song)\b|.*\btheme$")
_VERSION_WORD = (
    r"(?:version|versao|edit|mix|remix|rmx|recut|rework|bootleg|dub|karaoke|soundtrack|"
    r"bonus track|sessions?|demo|instrumental|acoustic|acustico|unplugged|rerecorded|"
    r"re recorded|rerecording|re recording|mono|stereo|explicit|outtake)"
)
_LIVE = (
    r"(?:live$|(?:recorded )?live (?:at|from|in|on|version|session|\d)|en vivo|ao vivo|en directo)"
)
# Brackets enclose subtitles too, so a bracketed text is a version only where the version word is
# at the position that a version name has; a text after a dash is rarely anything else.
_VERSION_IN_BRACKETS = re.compile(
    rf"{_LIVE}|.*\bremaster|.*\b{_VERSION_WORD}(?: \d+)?$|(?:mono|stereo)\b|take \d+$"
)
_VERSION_AFTER_DASH = re.compile(
    rf".*\b(?:{_VERSION_WORD}|remaster\w*|live|vivo|original|single|radio|extended)\b|\d{{4}}$"
)
_VERSION_TAG_PATTERNS = (
    ("live", re.compile(rf"{_LIVE}|.*\b(?:live|vivo|unplugged|concert)\b")),
    ("remix", re.compile(r".*\b(?:remix\w*|rmx|recut|rework|bootleg|dub)\b")),
    (
        "remix",
        re.compile(
            r"(?!.*\b(?:single|mono|stereo|original|radio|album|main|short|clean|\d{4}) mix\b)"
            r".*\w mix\b"
        ),
    ),
    ("acoustic", re.compile(r".*\b(?:acoustic|acustico|unplugged)\b")),
    ("instrumental", re.compile(r".*\b(?:instrumental|karaoke)\b")),
    ("demo", re.compile(r".*\b(?:demo|outtake|take \d+)\b")),
    ("rerecorded", re.compile(r".*\b(?:rerecord\w*|re record\w*|taylors version|new version)\b")),
    ("language", re.compile(r".*\b(?:spanish|french|german|italian) version\b")),
)

_FEATURING_SEPARATOR = re.compile(r"[(\[]?(?<!\w)(?:feat\.?|ft\.?|featuring)\s", re.IGNORECASE)
# Three spaces: a slash between spaces that a file system does not allow became a space.
_ARTIST_SEPARATOR = re.compile(
    r"\s*[,;]\s*|\s{3,}|\s+&\s*|\s*&\s+|(?<=\w{4})/(?=\w{4})|"
    r"\s+(?:\+|/|and|with|(?:a )?duet with|x|\u00d7|vs\.?|versus|y|introducing|starring)\s+",
    re.IGNORECASE,
)
_NAME_SUFFIX = re.compile(r"\s*,\s*(?=(?:jr|sr|iii?)\b)", re.IGNORECASE)
_BACKING_GROUP = re.compile(
    r"(?:(?:his|her|their|the|an?) ?(?:\w+ )?)?(?:orchestras?|chorus|choir|friends|band|company|"
    r"others|strings|singers)$|the$|(?:jr|sr)$"
)


class _TitleSegment(NamedTuple):
    text: str
    is_subtitle: bool


class _ParsedTitle(NamedTuple):
    """The segments of a title that name the song, and the keys of its version annotations."""

    segments: list[_TitleSegment]
    versions: list[str]


@lru_cache(_CACHE_SIZE)
def normalize(text: str) -> str:
    """Lower case, no accents, no apostrophes, 'and' for '&', other punctuation as one space.

    Scripts other than Latin keep their marks. A text of punctuation only ('!!!') is unchanged.
    """
    plain = text if text.isascii() else _strip_accents(text)
    folded = _APOSTROPHES.sub("", plain.casefold())
    for pattern, letter in _SIGN_REPLACEMENTS:
        folded = pattern.sub(letter, folded)
    folded = _INITIALS.sub(lambda match: match[0].replace(".", ""), folded)
    if folded.isascii():
        words = _PUNCTUATION.sub(" ", folded).split()
    else:
        words = "".join(char if _is_letter_or_mark(char) else " " for char in folded).split()
    # Rock 'n' Roll, Salt-N-Pepa; a leading n is a name: N'Dea.
    words[1:-1] = ["and" if word == "n" else word for word in words[1:-1]]
    return " ".join(words) or " ".join(text.casefold().split())


@lru_cache(_CACHE_SIZE)
def title_key(title: str) -> str:
    """Return the key of a title without credits, version annotations and the source film.

    Bracketed subtitles stay, without the brackets. Numbers are written in digits, 'Pt. II' as
    'part 2'. Live versions and remixes have the key of the song: see `version_tags`.
    """
    if title.isascii() and not any(mark in title for mark in "([{-") and " f" not in title.lower():
        return _numerals_to_digits(normalize(title))
    segments = _parse_title(title).segments
    return _numerals_to_digits(normalize(" ".join(segment.text for segment in segments)))


@lru_cache(_CACHE_SIZE)
def main_title_key(title: str) -> str:
    """`title_key` without any subtitle, in brackets or after a dash."""
    segments = _parse_title(title).segments
    main = " ".join(segment.text for segment in segments if not segment.is_subtitle)
    return _numerals_to_digits(normalize(main)) if main.strip() else title_key(title)


@lru_cache(_CACHE_SIZE)
def version_tags(title: str) -> frozenset[str]:
    """Return the tags that distinguish this recording from the one that was released first.

    Some of "live", "remix", "acoustic", "instrumental", "demo", "rerecorded", "language"; empty for
    remasters, edits and mono or stereo versions, which are the same recording.
    """
    return frozenset(
        tag
        for version in _parse_title(title).versions
        for tag, pattern in _VERSION_TAG_PATTERNS
        if pattern.match(version)
    )


@lru_cache(_CACHE_SIZE)
def artist_key(artist: str) -> str:
    """Return one key of the main artists, without featured ones.

    'A & B', 'A with B' and 'A, B' are 'a and b'.
    """
    main, _ = _parse_credit(artist)
    return " and ".join(main) or normalize(artist)


@lru_cache(_CACHE_SIZE)
def artist_names(artist: str) -> tuple[str, ...]:
    """Return the key of each credited artist, featured ones last, without repetition."""
    main, featured = _parse_credit(artist)
    return tuple(dict.fromkeys(main + featured)) or (normalize(artist),)


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTER_REPLACEMENTS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def _is_letter_or_mark(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _numerals_to_digits(key: str) -> str:
    words: list[str] = []
    for word in key.split(" "):
        word = _PART_ABBREVIATIONS.get(word, word)
        if words and words[-1] in _NUMBERED_WORDS:
            word = _PART_NUMBERS.get(word, word)
        words.append(_NUMBER_WORDS.get(word) or _ROMAN_NUMERALS.get(word) or word)
    return " ".join(words)


def _parse_title(title: str) -> _ParsedTitle:
    """Split a title at dashes and brackets, and separate annotations from the song's name."""
    segments: list[_TitleSegment] = []
    versions: list[str] = []

    def is_annotation(text: str, version_pattern: re.Pattern[str]) -> bool:
        """Whether a text names guests, a version (which is recorded) or the source film."""
        key = normalize(text)
        if version_pattern.match(key):
            versions.append(key)
            return True
        return bool(_GUEST_CREDIT.match(key) or _SOUNDTRACK_SOURCE.match(key))

    for position, part in enumerate(_DASH.split(title)):
        after_dash = position > 0
        if after_dash and is_annotation(part, _VERSION_AFTER_DASH):
            continue
        end = 0
        for bracket in _BRACKETS.finditer(part):
            segments.append(_TitleSegment(part[end : bracket.start()], after_dash))
            if not is_annotation(bracket[1], _VERSION_IN_BRACKETS):
                segments.append(_TitleSegment(bracket[1], True))
            end = bracket.end()
        segments.append(_TitleSegment(part[end:], after_dash))
    segments = [
        _TitleSegment(_TRAILING_CREDIT.sub("", text), is_subtitle) for text, is_subtitle in segments
    ]
    if not any(segment.text.strip() for segment in segments):
        # The whole title looks like an annotation, such as '(Live)': keep it as the name.
        segments = [_TitleSegment(title, False)]
    return _ParsedTitle(segments, versions)


def _parse_credit(artist: str) -> tuple[list[str], list[str]]:
    """Return the keys of the main and of the featured artists."""
    main, *featured = _FEATURING_SEPARATOR.split(_NAME_SUFFIX.sub(" ", artist))
    # Brackets enclose other names: 'Dion (DiMucci)', 'Sweet Sensation (with Romeo J.D.)'.
    featured += [bracket[1] for bracket in _BRACKETS.finditer(main)]
    without_brackets = _BRACKETS.sub(" ", main)
    main = without_brackets if without_brackets.strip() else main
    return _split_artists(main), [key for text in featured for key in _split_artists(text)]


def _split_artists(text: str) -> list[str]:
    """Return the keys of the artists in a text; a backing group counts only if it comes first."""
    parts = (part for part in _ARTIST_SEPARATOR.split(text.strip()) if part.strip(" ()[]."))
    keys = [normalize(part) for part in parts]
    return [
        _artist_name_key(key)
        for position, key in enumerate(keys)
        if position == 0 or not _BACKING_GROUP.match(key)
    ]


def _artist_name_key(key: str) -> str:
    without_article = key.removeprefix("the ").removesuffix(" the")
    return _numerals_to_digits(without_article or key)
