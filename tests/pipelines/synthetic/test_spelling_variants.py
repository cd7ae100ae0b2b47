"""Spellings of file names, tracks and charts."""

import numpy as np
import pytest

from pipelines.synthetic.spelling_variants import chart_spelling, image_path, track_title


@pytest.mark.parametrize(
    ("artist", "title", "path"),
    [
        ("The Foxes", "Blue Moon", "1975/The_Foxes_-_Blue_Moon.png"),
        ("AC/DC", 'Who: "Me"?', "1975/AC_DC_-_Who_Me.png"),
        ("A*B\x00<C>|\\D", "  Two   words ", "1975/A_B_C_D_-_Two_words.png"),
        ("René", "Cafe\u0301", "1975/René_-_Café.png"),
    ],
)
def test_image_path_has_no_characters_that_file_systems_refuse(artist, title, path):
    assert str(image_path(artist, title, 1975)) == path


def test_title_without_usable_characters_has_no_path():
    assert image_path("The Foxes", "???", 1975) is None


def test_long_file_names_are_truncated():
    path = image_path("é" * 200, "ñ" * 200, 1975)
    assert len(path.name.encode()) <= 255


def test_chart_spelling_removes_versions_and_credits_guests_to_the_artist():
    for seed in range(30):
        artist, title = chart_spelling(
            "Foxes", "Blue Moon (feat. Ada Lin) - Remastered 2011", np.random.default_rng(seed)
        )
        assert title.lower() == "blue moon"
        assert artist in {"Foxes Feat. Ada Lin", "Foxes Featuring Ada Lin"}


def test_chart_spelling_has_recognizable_variants():
    spellings = {
        chart_spelling("The Foxés & Co", "Don't Rain", np.random.default_rng(seed))
        for seed in range(200)
    }
    artists = {artist for artist, _ in spellings}
    titles = {title for _, title in spellings}
    assert {"The Foxés & Co", "Foxés & Co, The", "Foxés & Co", "The Foxés And Co"} <= artists
    assert "The Foxes & Co" in artists
    assert {"Don't Rain", "don't rain", "Dont Rain", "DON'T RAIN"} <= titles


def test_track_title_adds_guests_and_versions():
    rng = np.random.default_rng(0)
    titles = {track_title("Rain", "Ada", 1980, rng) for _ in range(300)}
    assert "Rain (feat. Ada)" in titles
    assert any("Remastered" in title for title in titles)
