"""Spellings of tracks and charts."""

import numpy as np

from pipelines.synthetic.spelling_variants import chart_spelling, track_title


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
