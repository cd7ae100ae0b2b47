"""Invented names and the spelling of file names."""

import numpy as np
import pytest

from pipelines.sample.spelling import chart_spelling, image_path, track_title
from pipelines.sample.words import invented_artists, invented_titles


def test_artists_are_distinct_and_repeatable():
    names = invented_artists(500, np.random.default_rng(1))
    assert len({name.casefold() for name in names}) == 500
    assert names == invented_artists(500, np.random.default_rng(1))


def test_names_have_accents_articles_and_ampersands():
    rng = np.random.default_rng(0)
    text = " ".join(invented_artists(300, rng) + invented_titles(300, rng))
    assert "The " in text
    assert "&" in text
    assert any(ord(letter) > 127 for letter in text)


@pytest.mark.parametrize(
    ("artist", "title", "path"),
    [
        ("The Foxes", "Blue Moon", "1975/The_Foxes_-_Blue_Moon.png"),
        ("AC/DC", 'Who: "Me"?', "1975/AC_DC_-_Who_Me.png"),
        ("A*B\x00<C>|\\D", "  Two   words ", "1975/A_B_C_D_-_Two_words.png"),
        ("René", "Cafe\u0301", "1975/René_-_Café.png"),
    ],
)
def test_image_path_takes_what_a_file_system_refuses_out(artist, title, path):
    assert str(image_path(artist, title, 1975)) == path


def test_a_name_without_any_usable_character_has_no_path():
    assert image_path("The Foxes", "???", 1975) is None


def test_a_very_long_name_still_fits_a_file_system():
    path = image_path("é" * 200, "ñ" * 200, 1975)
    assert len(path.name.encode()) <= 255


def test_chart_spelling_leaves_versions_out_and_credits_guests_on_the_artist():
    for seed in range(30):
        artist, title = chart_spelling(
            "Foxes", "Blue Moon (feat. Ada Lin) - Remastered 2011", np.random.default_rng(seed)
        )
        assert title.lower() == "blue moon"
        assert artist in {"Foxes Feat. Ada Lin", "Foxes Featuring Ada Lin"}


def test_chart_spelling_varies_a_part_of_the_names_recognisably():
    seen = {
        chart_spelling("The Foxés & Co", "Don't Rain", np.random.default_rng(seed))
        for seed in range(200)
    }
    artists = {artist for artist, _ in seen}
    titles = {title for _, title in seen}
    assert {"The Foxés & Co", "Foxés & Co, The", "Foxés & Co", "The Foxés And Co"} <= artists
    assert "The Foxes & Co" in artists
    assert {"Don't Rain", "don't rain", "Dont Rain", "DON'T RAIN"} <= titles


def test_track_title_adds_guests_and_versions():
    rng = np.random.default_rng(0)
    titles = {track_title("Rain", "Ada", 1980, rng) for _ in range(300)}
    assert "Rain (feat. Ada)" in titles
    assert any("Remastered" in title for title in titles)
