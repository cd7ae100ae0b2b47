"""Invented names of artists and songs."""

import numpy as np

from pipelines.synthetic.invented_names import invented_artists, invented_titles


def test_artists_are_distinct_and_reproducible():
    names = invented_artists(500, np.random.default_rng(1))
    assert len({name.casefold() for name in names}) == 500
    assert names == invented_artists(500, np.random.default_rng(1))


def test_names_contain_accents_articles_and_ampersands():
    rng = np.random.default_rng(0)
    text = " ".join(invented_artists(300, rng) + invented_titles(300, rng))
    assert "The " in text
    assert "&" in text
    assert any(ord(letter) > 127 for letter in text)
