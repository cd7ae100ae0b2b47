"""What each known field of a song contributes to its prediction."""

from collections.abc import Mapping
from itertools import combinations
from math import factorial

from pipelines.constants import UNKNOWN_YEAR
from songpop_tf.serving.song import Song
from songpop_tf.serving.variants import Variant

FIELDS = ("year", "artist", "title", "sound")
"""In the order of the waterfall."""

Fields = frozenset[str]


def known_fields(song: Song) -> tuple[str, ...]:
    """The fields that are known of a song, in the order of ``FIELDS``."""
    is_known = {
        "year": song.year != UNKNOWN_YEAR,
        "artist": bool(song.artist.strip()),
        "title": bool(song.title.strip()),
        "sound": song.image_file is not None,
    }
    return tuple(field for field in FIELDS if is_known[field])


def subset_variants(song: Song) -> dict[Fields, Variant]:
    """The song with each subset of its known fields, the others unknown; 16 if all are known."""
    known = known_fields(song)
    subsets = (
        frozenset(subset) for size in range(len(known) + 1) for subset in combinations(known, size)
    )
    return {subset: _variant(song, subset) for subset in subsets}


def _variant(song: Song, known: Fields) -> Variant:
    return Variant(
        artist=song.artist if "artist" in known else "",
        title=song.title if "title" in known else "",
        year=song.year if "year" in known else UNKNOWN_YEAR,
        has_sound="sound" in known,
    )


def shapley_values(popularity: Mapping[Fields, float]) -> dict[str, float]:
    """Compute each field's Shapley value, exactly.

    The change that the field makes to the prediction, averaged over all orders in which the fields
    may become known (Shapley 1953; Lundberg & Lee 2017, arXiv:1705.07874). The values add up to the
    prediction minus the one with nothing known.

    Args:
        popularity: the prediction for each subset of the fields, in points.

    Returns:
        By field, in points.
    """
    fields = max(popularity, key=len)
    return {field: _shapley_value(field, fields, popularity) for field in _in_order(fields)}


def _shapley_value(field: str, fields: Fields, popularity: Mapping[Fields, float]) -> float:
    count = len(fields)
    return sum(
        # The share of the orders in which exactly these fields precede this one.
        factorial(len(before))
        * factorial(count - len(before) - 1)
        / factorial(count)
        * (popularity[before | {field}] - popularity[before])
        for before in popularity
        if field not in before
    )


def waterfall(popularity: Mapping[Fields, float]) -> dict[str, float]:
    """The change by each field as they become known in the order of ``FIELDS``, in points.

    The changes add up to the prediction minus the one with nothing known.
    """
    changes = {}
    known: Fields = frozenset()
    for field in _in_order(max(popularity, key=len)):
        changes[field] = popularity[known | {field}] - popularity[known]
        known |= {field}
    return changes


def _in_order(fields: Fields) -> list[str]:
    return [field for field in FIELDS if field in fields]
