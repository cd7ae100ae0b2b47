"""Artists in the notations of the tools that write tables."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.tables.artists import parse_artists

NAMES = ("Ana Lund", "Guns N' Roses", "Björk")
SPOTIFY = [{"name": name, "id": str(number), "genres": []} for number, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    "text",
    [
        str(list(NAMES)),
        str(NAMES),
        str(np.array(NAMES, dtype=object)),
        str(np.array(NAMES)),
        repr(np.array(NAMES, dtype=object)),
        str([np.str_(name) for name in NAMES]),
        "['Ana Lund'\n \"Guns N' Roses\" 'Björk']",
        "[u'Ana Lund', u\"Guns N' Roses\", 'Björk']",
        json.dumps(NAMES),
        json.dumps(NAMES, ensure_ascii=False),
        json.dumps([*NAMES, None]),
        str([*NAMES, None, "", "nan"]),
        str(SPOTIFY),
        json.dumps(SPOTIFY),
        str(np.array(SPOTIFY)),
        ";".join(NAMES),
        "; ".join([*NAMES, ""]),
        "|".join(NAMES),
    ],
)
def test_all_notations_name_the_same_artists(text: str) -> None:
    assert parse_artists(text) == NAMES


@pytest.mark.parametrize(
    "name",
    [
        "Earth, Wind & Fire",
        "Guns N' Roses",
        "'Til Tuesday",
        '"Weird Al" Yankovic',
        "(G)I-DLE",
        "[spunge]",
        "[:SITD:]",
        "AC/DC",
        "50 Cent",
        "None",
        "!!!a",
        "__import__('os')",
    ],
)
def test_plain_text_is_one_artist(name: str) -> None:
    assert parse_artists(name) == (name,)


def test_single_dictionary_is_one_artist() -> None:
    assert parse_artists("{'name': 'Ana', 'id': 'x'}") == ("Ana",)


def test_emoji_in_json_is_one_character() -> None:
    assert parse_artists('["A \\ud83d\\ude00"]') == ("A 😀",)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "[1]",
        "'A'",
        "['A'",
        "[" * 5000,
        "[A, B]",
        "{'A', 'B'}",
        "['A' + 'B']",
        "{'id': 1}",
    ],
)
def test_other_lists_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="list of names|at least one artist"):
        parse_artists(text)


@pytest.mark.parametrize("text", ["", "[]", "['']", "nan", "['nan']", "[None]", " ; "])
def test_no_artist_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="artist"):
        parse_artists(text)


@given(names=st.lists(st.text("abcÄß'\"\\ ,;|[]()&éñ", min_size=1), min_size=1, max_size=4))
def test_lists_of_any_names_are_read_back(names: list[str]) -> None:
    stripped = tuple(name.strip() for name in names if name.strip())
    if stripped:
        assert parse_artists(str(names)) == parse_artists(json.dumps(names)) == stripped


@given(text=st.text(max_size=60))
def test_any_cell_is_artists_or_an_error_in_one_line(text: str) -> None:
    assert all(len(line.splitlines()) == 1 for line in artists_or_error(text))


def artists_or_error(text: str) -> tuple[str, ...]:
    try:
        return parse_artists(text)
    except InputError as error:
        return (str(error),)
