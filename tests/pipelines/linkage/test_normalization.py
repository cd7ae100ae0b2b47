"""Comparison keys of artists and titles."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.linkage.normalization import (
    artist_key,
    artist_names,
    main_title_key,
    normalize,
    title_key,
    version_tags,
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Don't", "dont"),
        ("Don’t", "dont"),
        ("Beyoncé", "beyonce"),
        (unicodedata.normalize("NFD", "Mötley Crüe"), "motley crue"),
        ("BØRNS Łódź Straße Æon", "borns lodz strasse aeon"),
        ("Earth, Wind & Fire", "earth wind and fire"),
        ("Safe + Sound", "safe and sound"),
        ("Rock 'n' Roll", "rock and roll"),
        ("Salt-N-Pepa", "salt and pepa"),
        ("P!nk", "pink"),
        ("Ke$ha", "kesha"),
        ("A$AP", "asap"),
        ("Ty Dolla $ign", "ty dolla sign"),
        ("*NSYNC", "nsync"),
        ("R.E.M.", "rem"),
        ("will.i.am", "will i am"),
        ("宇多田ヒカル", "宇多田ヒカル"),
        ("방탄소년단", "방탄소년단"),
        ("Кино й", "кино й"),
        ("हिन्दी", "हिन्दी"),
        ("!!!", "!!!"),
        ("÷", "÷"),
        ("?", "?"),
    ],
)
def test_normalize(text: str, key: str) -> None:
    assert normalize(text) == key


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "Tonight's The Night (Gonna Be Alright)",
            "Tonight's the Night (Gonna Be Alright) - 2009 Remaster",
        ),
        ("Hall of Fame", "Hall of Fame (feat. will.i.am)"),
        ("Hall of Fame", "Hall of Fame ft. will.i.am"),
        ("One Kiss", "One Kiss (with Dua Lipa)"),
        ("Don't Look Back", "Don't Look Back [feat. Van Morrison] - Mono Version"),
        ("In Da Club", "In Da Club - Single Version / Edit"),
        ("Glad All Over", "Glad All Over - 2019 - Remaster"),
        ("I Believe I Can Fly", 'I Believe I Can Fly (From "Space Jam")'),
        ("Eye of the Tiger", "Eye of the Tiger - From the Motion Picture Rocky III"),
        ("Hip City - Pt. 2", "Hip City, Part Two"),
        ("Rock And Roll Part II", "Rock and Roll (Part 2)"),
        ("Pride", "Pride - Live at the Apollo"),
        ("Pride", "Pride (Aero Chord Remix)"),
    ],
)
def test_versions_of_a_title_have_the_same_key(first: str, second: str) -> None:
    assert title_key(first) == title_key(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Foot Stomping - Part 1", "Foot Stomping - Part 2"),
        ("Love Me", "Love Me Do"),
        ("Single Ladies (Put a Ring on It)", "Single Ladies"),
        ("Live And Let Die", "Let Die"),
        ("The Way We Live", "The Way We Love"),
    ],
)
def test_different_titles_have_different_keys(first: str, second: str) -> None:
    assert title_key(first) != title_key(second)


@pytest.mark.parametrize(
    "title", ["(Live)", "- Live", "(feat. X)", "Remix", "()", "!!!", "((", "Ⅳ"]
)
def test_key_is_never_empty(title: str) -> None:
    assert title_key(title)
    assert main_title_key(title)


def test_main_title_key_has_no_subtitle() -> None:
    assert main_title_key("(I Can't Get No) Satisfaction - Mono Version") == "satisfaction"
    assert main_title_key("Chariots Of Fire - Titles") == "chariots of fire"
    assert main_title_key("(Everything)") == "everything"


@pytest.mark.parametrize(
    ("title", "tags"),
    [
        ("Song", set()),
        ("Live And Let Die", set()),
        ("Song - 2011 Remaster", set()),
        ("Song - Mono Version", set()),
        ("Song - 2017 Mix", set()),
        ("Song (Radio Edit)", set()),
        ("Song - Live", {"live"}),
        ("Song (Live From The Kennedy Center)", {"live"}),
        ("Ignition (Remix)", {"remix"}),
        ("Song - Hitman's Club Mix", {"remix"}),
        ("Song - Acoustic Version", {"acoustic"}),
        ("Song (Taylor's Version)", {"rerecorded"}),
        ("Song - Karaoke", {"instrumental"}),
    ],
)
def test_version_tags_mark_other_recordings(title: str, tags: set[str]) -> None:
    assert version_tags(title) == tags


@pytest.mark.parametrize(
    "artist",
    [
        "Simon & Garfunkel",
        "Simon and Garfunkel",
        "Simon, Garfunkel",
        "The Simon With Garfunkel",
        "Simon x Garfunkel",
        "Simon & Garfunkel Featuring Cher",
        "SIMON + Garfunkel (feat. Cher)",
    ],
)
def test_spellings_of_a_duo_have_the_same_key(artist: str) -> None:
    assert artist_key(artist) == "simon and garfunkel"


@pytest.mark.parametrize(
    ("artist", "names"),
    [
        ("The Beatles", ("beatles",)),
        ("Beatles, The", ("beatles",)),
        ("The The", ("the",)),
        ("Percy Faith And His Orchestra", ("percy faith",)),
        ("Gerald & Eddie Levert, Sr.", ("gerald", "eddie levert sr")),
        ("Do Or Die (Featuring Twista)", ("do or die", "twista")),
        ("Lil Nas X Featuring Billy Ray Cyrus", ("lil nas x", "billy ray cyrus")),
        ("Dion (Di Mucci)", ("dion", "di mucci")),
        ("AC/DC", ("ac dc",)),
        ("Rufus/Chaka Khan", ("rufus", "chaka khan")),
        ("The 4 Seasons", ("4 seasons",)),
        ("The Four Seasons", ("4 seasons",)),
        ("A & B feat. A", ("a", "b")),
        ("!!!", ("!!!",)),
        ("&", ("and",)),
    ],
)
def test_credit_is_split_into_artists(artist: str, names: tuple[str, ...]) -> None:
    assert artist_names(artist) == names


KEYS = (normalize, title_key, main_title_key, artist_key)


@pytest.mark.parametrize("key", KEYS)
@given(text=st.text())
def test_key_of_any_text_is_one_line_in_lower_case_and_not_empty(
    key: Callable[[str], str], text: str
) -> None:
    made = key(text)
    assert made == made.lower().strip()
    assert len(made.splitlines()) <= 1
    assert bool(made) == bool(text.strip())


@pytest.mark.parametrize("key", KEYS)
@given(text=st.text("abcXYZ ÄÖéñåøÇ'-.&!()", min_size=1))
def test_key_does_not_depend_on_case_and_unicode_form(key: Callable[[str], str], text: str) -> None:
    assert key(text.swapcase()) == key(text)
    assert key(unicodedata.normalize("NFD", text)) == key(text)
    assert key(f"  {text} ") == key(text)


@given(text=st.text())
def test_normalized_text_is_its_own_key(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)
