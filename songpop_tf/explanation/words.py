"""What each word of the artist and the title changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipelines.constants import UNKNOWN_YEAR
from songpop_tf.serving.predictor import Prediction
from songpop_tf.serving.song import Song
from songpop_tf.serving.variants import Variant


@dataclass(frozen=True)
class WordEffect:
    """Effect of one word, or of the year.

    Attributes:
        field: "artist", "title" or "year".
        word: as written.
        effect: the prediction minus that without the word, in points. A word of the artist is
            part of the name by which the artist's other songs are found.
    """

    field: str
    word: str
    effect: float


@dataclass(frozen=True)
class WordVariant:
    """The song without one word, or without its year."""

    field: str
    word: str
    variant: Variant


def word_variants(song: Song, whole: Variant) -> list[WordVariant]:
    """Leave out each word of artist and title, and the year.

    Args:
        song: of the words.
        whole: the song as it is.
    """
    variants = [
        WordVariant(field, words[index], _with(whole, field, _without(words, index)))
        for field in ("artist", "title")
        for words in [getattr(song, field).split()]
        for index in range(len(words))
    ]
    if song.year != UNKNOWN_YEAR:
        year = replace(whole, year=UNKNOWN_YEAR)
        variants.append(WordVariant("year", str(song.year), year))
    return variants


def _with(whole: Variant, field: str, text: str) -> Variant:
    return replace(whole, artist=text) if field == "artist" else replace(whole, title=text)


def _without(words: list[str], index: int) -> str:
    return " ".join(words[:index] + words[index + 1 :])


def word_effects(
    variants: list[WordVariant], predictions: Mapping[Variant, Prediction], popularity: float
) -> tuple[WordEffect, ...]:
    """The effect of each word, in the order of the words.

    Args:
        variants: from `word_variants`.
        predictions: of the variants.
        popularity: prediction of the whole song.
    """
    return tuple(
        WordEffect(one.field, one.word, popularity - predictions[one.variant].popularity)
        for one in variants
    )
