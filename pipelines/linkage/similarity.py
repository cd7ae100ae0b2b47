"""Similarity of titles and artists, given their keys (see `pipelines.linkage.normalization`)."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import product

from rapidfuzz import fuzz

from pipelines.linkage import normalization

# Lowest similarities (0-100) of similar titles: of all letters, and of the letters of the words
# that differ; higher where one of these words is distinctive.
_MIN_TITLE_SIMILARITY = 85.0
_MIN_WORD_SIMILARITY, _MIN_DISTINCTIVE_WORD_SIMILARITY = 66.0, 90.0
# Scores of titles of the same words in another order, and of artists where all words of one occur
# in the other: two or more words (John Mellencamp, John Cougar Mellencamp), or one.
_REORDERED_SCORE, _SUBSET_SCORE, _SINGLE_WORD_SUBSET_SCORE = 95.0, 96.0, 90.0

_ARTICLE = re.compile(r"(?:the|an?) (?=.)")
_FIRST_PART = re.compile(r" part(?: 1(?: and \d+)?)?$")
_DIGITS = re.compile(r"\d+")
# Words that one of two spellings may lack.
_FILLER_WORDS = frozenset({"the", "tha", "da", "a", "an", "and", "oh", "o", "of"})
# Short words that make it another song.
_DISTINCTIVE_WORDS = frozenset(
    {"i", "im", "me", "my", "he", "hes", "his", "him", "she", "shes", "her", "you", "your"}
    | {"youre", "we", "were", "us", "our", "they", "them", "their", "it", "its", "this", "that"}
    | {"here", "there", "where", "when", "then", "no", "not", "on", "in", "can", "cant"}
    | {"dont", "wont", "isnt", "love", "live", "man", "woman", "boy", "girl", "day", "night"}
)
# Mark an artist who covers the songs of the artist in the name.
_COVER_ARTIST_WORDS = frozenset(
    {"tribute", "karaoke", "cover", "covers", "imitators", "impersonators"}
)


def strip_spaces(key: str) -> str:
    """Remove the spaces of a key: 'every time' and 'everytime' become equal."""
    return key.replace(" ", "")


def strip_title_spaces(key: str) -> str:
    """Remove the spaces and the leading article of a title key."""
    return strip_spaces(_ARTICLE.sub("", key, count=1) if _ARTICLE.match(key) else key)


def differ_by_subtitle(first: str, second: str) -> bool:
    """Whether two titles are equal except for a subtitle, or 'Part 1', of one of them."""
    titles = (first, second)
    full_keys = [_FIRST_PART.sub("", normalization.title_key(title)) for title in titles]
    if _numbers(full_keys[0]) != _numbers(full_keys[1]):
        return False
    full = [strip_title_spaces(key) for key in full_keys]
    main = [
        strip_title_spaces(_FIRST_PART.sub("", normalization.main_title_key(title)))
        for title in titles
    ]
    return full[0] == full[1] or (main[0] == main[1] and main[0] in full)


def title_similarity(first: str, second: str) -> float:
    """Similarity of two title keys, 0-100; 0 if they differ by more than spelling.

    Allowed differences: letters within words, filler words such as 'the', and the order of the
    words. Not allowed: numbers, whole words, and short words that distinguish songs.
    """
    if _numbers(first) != _numbers(second):
        return 0.0
    first_words, second_words = Counter(first.split()), Counter(second.split())
    if first_words == second_words and len(first_words) > 3:
        return _REORDERED_SCORE
    score = fuzz.ratio(
        strip_spaces(first), strip_spaces(second), score_cutoff=_MIN_TITLE_SIMILARITY
    )
    only_first = _without_fillers(first_words - second_words)
    only_second = _without_fillers(second_words - first_words)
    if not only_first and not only_second:
        return score
    distinctive = not _DISTINCTIVE_WORDS.isdisjoint((*only_first, *only_second))
    threshold = _MIN_DISTINCTIVE_WORD_SIMILARITY if distinctive else _MIN_WORD_SIMILARITY
    word_similarity = fuzz.ratio("".join(only_first), "".join(only_second))
    return score if word_similarity >= threshold else 0.0


def artist_similarity(first: Sequence[str], second: Sequence[str]) -> float:
    """Similarity of the most similar pair of artist keys, 0-100; 0 without any pair."""
    pairs = product(first, second)
    return max((_artist_pair_similarity(*pair) for pair in pairs), default=0.0)


def _artist_pair_similarity(first: str, second: str) -> float:
    first_words, second_words = set(first.split()), set(second.split())
    if not _COVER_ARTIST_WORDS.isdisjoint(first_words ^ second_words):
        return 0.0
    score = fuzz.ratio(strip_spaces(first), strip_spaces(second))
    if first_words <= second_words or second_words <= first_words:
        if min(len(first_words), len(second_words)) > 1:
            return max(score, _SUBSET_SCORE)
        if min(len(first), len(second)) > 3:
            return max(score, _SINGLE_WORD_SUBSET_SCORE)
    return score


def _without_fillers(words: "Counter[str]") -> list[str]:
    return [word for word in words.elements() if word not in _FILLER_WORDS]


def _numbers(key: str) -> list[str]:
    return sorted(_DIGITS.findall(key))
