"""How alike two titles or two artists are, given their keys (see `pipelines.names`)."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import product

from rapidfuzz import fuzz

from pipelines import names

# Of similar titles: how far all letters, and the letters of the words in which they differ, must
# agree, 0-100; and when the words that differ are one word surely.
_TITLES, _WORDS, _SAME_WORDS = 85.0, 66.0, 90.0
# The similarity of titles of the same words in another order, and of artists when all words of
# one stand in the other: two or more words (John Mellencamp, John Cougar Mellencamp), or one.
_REORDERED, _WITHIN, _WORD_WITHIN = 95.0, 96.0, 90.0

_ARTICLE = re.compile(r"(?:the|an?) (?=.)")
_FIRST_PART = re.compile(r" part(?: 1(?: and \d+)?)?$")
_DIGITS = re.compile(r"\d+")
# Words that one of two spellings may lack, and small words that make it another song.
_FILLERS = frozenset({"the", "tha", "da", "a", "an", "and", "oh", "o", "of"})
_TELLING = frozenset(
    {"i", "im", "me", "my", "he", "hes", "his", "him", "she", "shes", "her", "you", "your"}
    | {"youre", "we", "were", "us", "our", "they", "them", "their", "it", "its", "this", "that"}
    | {"here", "there", "where", "when", "then", "no", "not", "on", "in", "can", "cant"}
    | {"dont", "wont", "isnt", "love", "live", "man", "woman", "boy", "girl", "day", "night"}
)
# An artist who plays the songs of the artist in the name.
_IMITATORS = frozenset({"tribute", "karaoke", "cover", "covers", "imitators", "impersonators"})


def squash(key: str) -> str:
    """A key without its spaces: 'every time' and 'everytime' are one."""
    return key.replace(" ", "")


def squash_title(key: str) -> str:
    """The key of a title without its spaces and without an article at its beginning."""
    return squash(_ARTICLE.sub("", key, count=1) if _ARTICLE.match(key) else key)


def lacks_subtitle(ours: str, theirs: str) -> bool:
    """Whether two titles are the same but for a subtitle, or 'Part 1', of one of them."""
    full = [_FIRST_PART.sub("", names.title_key(title)) for title in (ours, theirs)]
    if _numbers(full[0]) != _numbers(full[1]):
        return False
    whole = [squash_title(key) for key in full]
    main = [
        squash_title(_FIRST_PART.sub("", names.bare_title_key(title))) for title in (ours, theirs)
    ]
    return whole[0] == whole[1] or (main[0] == main[1] and main[0] in whole)


def title_similarity(ours: str, theirs: str) -> float:
    """0-100, from two title keys; 0 when they differ by more than spelling.

    They may differ within words, by small words like 'the', and by the order of the words; not by
    numbers, by whole words or by small words that tell one song from another.
    """
    if _numbers(ours) != _numbers(theirs):
        return 0.0
    our_words, their_words = Counter(ours.split()), Counter(theirs.split())
    if our_words == their_words and len(our_words) > 3:
        return _REORDERED
    score = fuzz.ratio(squash(ours), squash(theirs), score_cutoff=_TITLES)
    ours_only = [word for word in (our_words - their_words).elements() if word not in _FILLERS]
    theirs_only = [word for word in (their_words - our_words).elements() if word not in _FILLERS]
    if not ours_only and not theirs_only:
        return score
    alike = fuzz.ratio("".join(ours_only), "".join(theirs_only))
    telling = not _TELLING.isdisjoint((*ours_only, *theirs_only))
    return score if alike >= (_SAME_WORDS if telling else _WORDS) else 0.0


def artist_similarity(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """0-100, of the likest pair of artist keys; 0 when there is none."""
    return max((_likeness(a, b) for a, b in product(ours, theirs)), default=0.0)


def _likeness(ours: str, theirs: str) -> float:
    our_words, their_words = set(ours.split()), set(theirs.split())
    if not _IMITATORS.isdisjoint(our_words ^ their_words):
        return 0.0
    score = fuzz.ratio(squash(ours), squash(theirs))
    if our_words <= their_words or their_words <= our_words:
        if min(len(our_words), len(their_words)) > 1:
            return max(score, _WITHIN)
        if min(len(ours), len(theirs)) > 3:
            return max(score, _WORD_WITHIN)
    return score


def _numbers(key: str) -> list[str]:
    return sorted(_DIGITS.findall(key))
