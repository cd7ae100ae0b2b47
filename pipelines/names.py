"""Spellings of artists and titles brought to keys that can be compared.

The keys are for comparing only. They are lower case, without accents on Latin letters and without
punctuation, and never empty for a text that is not blank:

    title_key("Tonight's The Night (Gonna Be Alright) - 2009 Remaster")
        -> "tonights the night gonna be alright"
    artist_key("The Mamas & The Papas Featuring Someone") -> "mamas and papas"
"""

import re
import unicodedata
from functools import lru_cache

# Room for every title and artist of the largest table that is worked on (600,000 rows).
_CACHE = 1 << 20

_APOSTROPHES = re.compile("['`\u00b4\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07]")
_ACCENTS = re.compile("(?<=[A-Za-z\u00c0-\u024f])[\u0300-\u036f]+")
# Letters that Unicode does not take apart into a letter and an accent, and signs that it would
# turn into letters.
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "æ": "ae"}
    | {"Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "ı": "i", "×": " x "}
    | {"™": "", "®": "", "©": ""}
)
# Signs that stand for letters: Ke$ha, A$AP, P!nk, M@rk, and stars that hide them: F**k, *NSYNC.
_SIGNS = (
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
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
# These are words or letters of their own, and numbers only after "part".
_PART_NUMBERS = {"one": "1", "i": "1", "v": "5", "x": "10"}
_PART_WORDS = {"pt": "part", "pts": "part", "parts": "part", "vol": "volume"}
_NUMBERED = frozenset({"part", "volume", "chapter", "no", "number"})

_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)(?:[)\]}]|$)")
_DASHES = re.compile(r"\s+(?:-|--|\u2013|\u2014)\s+")
_CREDIT_AT_END = re.compile(r"\s(?:feat\.?|ft\.?|featuring)\s.*$", re.IGNORECASE)
_CREDIT = re.compile(r"(?:feat|ft|featuring|with|w|duet with|prod|prod by|produced by)\b")
_FROM_A_WORK = re.compile(r"(?:music )?from\b|(?:\w+ )?theme (?:from|of|song)\b|.*\btheme$")
_VERSION_WORD = (
    r"(?:version|versao|edit|mix|remix|rmx|recut|rework|bootleg|dub|karaoke|soundtrack|"
    r"bonus track|sessions?|demo|instrumental|acoustic|acustico|unplugged|rerecorded|"
    r"re recorded|rerecording|re recording|mono|stereo|explicit|outtake)"
)
_LIVE = (
    r"(?:live$|(?:recorded )?live (?:at|from|in|on|version|session|\d)|en vivo|ao vivo|en directo)"
)
# In brackets stand subtitles too, so there the words must stand where a version is named; what
# follows a dash is rarely anything else.
_VERSION_IN_BRACKETS = re.compile(
    rf"{_LIVE}|.*\bremaster|.*\b{_VERSION_WORD}(?: \d+)?$|(?:mono|stereo)\b|take \d+$"
)
_VERSION_AFTER_DASH = re.compile(
    rf".*\b(?:{_VERSION_WORD}|remaster\w*|live|vivo|original|single|radio|extended)\b|\d{{4}}$"
)
_OTHER_RECORDING = (
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

_FEATURING = re.compile(r"[(\[]?(?<!\w)(?:feat\.?|ft\.?|featuring)\s", re.IGNORECASE)
# Three spaces are left of a slash between spaces that a file system did not allow.
_CREDITED = re.compile(
    r"\s*[,;]\s*|\s{3,}|\s+&\s*|\s*&\s+|(?<=\w{4})/(?=\w{4})|"
    r"\s+(?:\+|/|and|with|(?:a )?duet with|x|\u00d7|vs\.?|versus|y|introducing|starring)\s+",
    re.IGNORECASE,
)
_JUNIOR = re.compile(r"\s*,\s*(?=(?:jr|sr|iii?)\b)", re.IGNORECASE)
_NOT_AN_ARTIST = re.compile(
    r"(?:(?:his|her|their|the|an?) ?(?:\w+ )?)?(?:orchestras?|chorus|choir|friends|band|company|"
    r"others|strings|singers)$|the$|(?:jr|sr)$"
)


@lru_cache(_CACHE)
def normalise(text: str) -> str:
    """Lower case, no accents, no apostrophes, 'and' for '&', other punctuation as one space.

    Scripts other than Latin keep their marks. A text of punctuation only ('!!!') stays as it is.
    """
    plain = text if text.isascii() else _without_accents(text)
    folded = _APOSTROPHES.sub("", plain.casefold())
    for pattern, letter in _SIGNS:
        folded = pattern.sub(letter, folded)
    folded = _INITIALS.sub(lambda match: match[0].replace(".", ""), folded)
    if folded.isascii():
        words = _PUNCTUATION.sub(" ", folded).split()
    else:
        words = "".join(char if _is_kept(char) else " " for char in folded).split()
    # Rock 'n' Roll, Salt-N-Pepa; a leading n is a name: N'Dea.
    words[1:-1] = ["and" if word == "n" else word for word in words[1:-1]]
    return " ".join(words) or " ".join(text.casefold().split())


@lru_cache(_CACHE)
def title_key(title: str) -> str:
    """The title without credits, remarks on the version and the film it is from.

    Subtitles in brackets stay, without the brackets. Numbers are written in digits, 'Pt. II' as
    'part 2'. Live versions and remixes have the key of the song: see `recording`.
    """
    if title.isascii() and not any(mark in title for mark in "([{-") and " f" not in title.lower():
        return _with_digits(normalise(title))
    kept, _ = _take_apart(title)
    return _with_digits(normalise(" ".join(text for text, _ in kept)))


@lru_cache(_CACHE)
def bare_title_key(title: str) -> str:
    """`title_key` without any subtitle, in brackets or after a dash."""
    kept, _ = _take_apart(title)
    main = " ".join(text for text, is_subtitle in kept if not is_subtitle)
    return _with_digits(normalise(main)) if main.strip() else title_key(title)


@lru_cache(_CACHE)
def recording(title: str) -> frozenset[str]:
    """What makes this another recording than the one that was released first.

    Some of "live", "remix", "acoustic", "instrumental", "demo", "rerecorded", "language"; empty for
    remasters, edits and mono or stereo versions, which are the same recording.
    """
    _, remarks = _take_apart(title)
    return frozenset(
        kind for remark in remarks for kind, pattern in _OTHER_RECORDING if pattern.match(remark)
    )


@lru_cache(_CACHE)
def artist_key(artist: str) -> str:
    """The main artists without those featured: 'A & B', 'A with B' and 'A, B' are 'a and b'."""
    return " and ".join(_credits(artist)[0]) or normalise(artist)


@lru_cache(_CACHE)
def artist_names(artist: str) -> tuple[str, ...]:
    """The key of every single artist credited, the featured ones last, without repetition."""
    main, featured = _credits(artist)
    return tuple(dict.fromkeys(main + featured)) or (normalise(artist),)


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


def _is_kept(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _with_digits(key: str) -> str:
    words: list[str] = []
    for word in key.split(" "):
        word = _PART_WORDS.get(word, word)
        if words and words[-1] in _NUMBERED:
            word = _PART_NUMBERS.get(word, word)
        words.append(_NUMBER_WORDS.get(word) or _ROMAN.get(word) or word)
    return " ".join(words)


def _take_apart(title: str) -> tuple[list[tuple[str, bool]], list[str]]:
    """Pieces to keep, each with whether it is a subtitle, and the remarks on the version."""
    remarks: list[str] = []
    kept: list[tuple[str, bool]] = []
    for number, part in enumerate(_DASHES.split(title)):
        end = 0
        if number and _is_remark(part, _VERSION_AFTER_DASH, remarks):
            continue
        for bracket in _BRACKETS.finditer(part):
            kept.append((part[end : bracket.start()], number > 0))
            if not _is_remark(bracket[1], _VERSION_IN_BRACKETS, remarks):
                kept.append((bracket[1], True))
            end = bracket.end()
        kept.append((part[end:], number > 0))
    kept = [(_CREDIT_AT_END.sub("", text), is_subtitle) for text, is_subtitle in kept]
    if not any(text.strip() for text, _ in kept):
        return [(title, False)], remarks
    return kept, remarks


def _is_remark(text: str, version: re.Pattern[str], remarks: list[str]) -> bool:
    """Whether a piece says who sings along, what version this is or from what film."""
    key = normalise(text)
    if version.match(key):
        remarks.append(key)
        return True
    return bool(_CREDIT.match(key) or _FROM_A_WORK.match(key))


def _credits(artist: str) -> tuple[list[str], list[str]]:
    """The keys of the main and of the featured artists."""
    main, *featured = _FEATURING.split(_JUNIOR.sub(" ", artist))
    # In brackets stand other names: 'Dion (DiMucci)', 'Sweet Sensation (with Romeo J.D.)'.
    featured += [bracket[1] for bracket in _BRACKETS.finditer(main)]
    outside = _BRACKETS.sub(" ", main)
    main = outside if outside.strip() else main
    return _single_keys(main), [key for text in featured for key in _single_keys(text)]


def _single_keys(text: str) -> list[str]:
    parts = (part for part in _CREDITED.split(text.strip()) if part.strip(" ()[]."))
    keys = [normalise(part) for part in parts]
    return [
        _single_key(key) for number, key in enumerate(keys) if not number or not _is_nobody(key)
    ]


def _is_nobody(key: str) -> bool:
    return bool(_NOT_AN_ARTIST.match(key))


def _single_key(key: str) -> str:
    without = key.removeprefix("the ").removesuffix(" the")
    return _with_digits(without or key)
