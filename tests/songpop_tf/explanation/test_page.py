"""The HTML page of an explanation."""

import dataclasses
import re
from html.parser import HTMLParser

from songpop_tf.explanation.explain import Explanation
from songpop_tf.explanation.page import explanation_page
from songpop_tf.explanation.text import history_song_name

VOID = {"meta", "img", "rect", "line"}


class Checker(HTMLParser):
    """Checks that elements are nested, and collects attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_page_is_whole_and_loads_nothing(explanation: Explanation) -> None:
    page = explanation_page(explanation)
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert not re.search(r"https?://|<script|<link", page)
    for tag, attributes in checker.attributes:
        if tag == "img":
            assert attributes["alt"]
            assert str(attributes["src"]).startswith("data:image/png;base64,")
        if tag == "svg" and "aria-label" not in attributes:
            assert attributes["class"] == "bar", "inside a chart that is hidden, beside its table"


def test_numbers_are_also_in_tables(explanation: Explanation) -> None:
    page = explanation_page(explanation)
    history = explanation.history.songs
    parts = [*explanation.words, *history, *explanation.segments, *explanation.bands]
    fields = len(explanation.fields.waterfall) + 2
    assert page.count('<th scope="row"') == len(parts) + fields
    assert f"{explanation.segments[0].effect:+.2f}" in page
    assert history_song_name(history[0]) in page


def test_names_are_escaped(explanation: Explanation) -> None:
    song = dataclasses.replace(explanation.song, artist="<b>&", title='"x"')
    page = explanation_page(dataclasses.replace(explanation, song=song))
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
