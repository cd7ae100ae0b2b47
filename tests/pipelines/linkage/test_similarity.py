"""Similarity of the keys of titles and artists."""

import pytest

from pipelines.linkage.similarity import (
    artist_similarity,
    differ_by_subtitle,
    strip_title_spaces,
    title_similarity,
)


def test_title_key_loses_spaces_and_leading_article() -> None:
    assert strip_title_spaces("the every time") == "everytime"
    assert strip_title_spaces("the") == "the"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Death Bed", "Death Bed (coffee for your head)", True),
        ("Bag (Part I)", "Bag", True),
        ("Song - Part 2", "Song", False),
        ("Love Is (First)", "Love Is (Second)", False),
    ],
)
def test_titles_differ_by_subtitle(first: str, second: str, expected: bool) -> None:
    assert differ_by_subtitle(first, second) is expected
    assert differ_by_subtitle(second, first) is expected


@pytest.mark.parametrize(
    ("first", "second", "is_similar"),
    [
        ("sink the bismark", "sink the bismarck", True),
        ("baby i need your lovin", "baby i need your loving", True),
        ("one two three four", "four three two one", True),
        ("mambo no 5", "mambo no 6", False),
        ("hes so fine", "shes so fine", False),
        ("the motto", "the motion", False),
    ],
)
def test_similar_titles_differ_only_by_spelling(first: str, second: str, is_similar: bool) -> None:
    assert (title_similarity(first, second) > 85) is is_similar


def test_artist_similarity_is_that_of_the_most_similar_pair() -> None:
    assert artist_similarity(["cher"], ["cher", "other"]) == 100
    assert artist_similarity(["john mellencamp"], ["john cougar mellencamp"]) == 96
    assert artist_similarity(["musiq"], ["musiq soulchild"]) == 90
    assert artist_similarity(["elvis presley"], ["elvis presley tribute band"]) == 0
    assert artist_similarity([], ["cher"]) == 0
