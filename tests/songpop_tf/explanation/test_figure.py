"""The figure of an explanation."""

import dataclasses
from pathlib import Path

import pytest
from PIL import Image

from songpop_tf.explanation.explain import Explanation
from songpop_tf.explanation.figure import missing_characters, plot_explanation, write_figure


def test_sound_has_more_panels_than_words_alone(explanation: Explanation) -> None:
    assert len(plot_explanation(explanation).axes) == 5
    words = dataclasses.replace(explanation, png=None, segments=(), bands=())
    assert len(plot_explanation(words).axes) == 2


def test_any_characters_and_lengths_are_drawn(explanation: Explanation, tmp_path: Path) -> None:
    title = "Песня $x_1$ 夢 " + 30 * "long words "
    song = dataclasses.replace(explanation.song, title=title)
    words = explanation.words[:1] * 30
    odd = dataclasses.replace(explanation, song=song, words=words)
    write_figure(odd, tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as image:
        assert image.width == 1650
    assert "П" not in missing_characters(odd)
    private_use = dataclasses.replace(song, title="a\ue123")
    assert missing_characters(dataclasses.replace(odd, song=private_use)) == "\ue123"


def test_waterfall_ends_at_the_prediction(explanation: Explanation) -> None:
    axes = plot_explanation(explanation).axes[-1]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["nothing known", "+ year", "+ artist", "+ title", "+ sound", "prediction"]
    bars = axes.patches
    last_change, prediction = bars[-2], bars[-1]
    ends = (last_change.get_x(), last_change.get_x() + last_change.get_width())
    assert min(abs(end - prediction.get_width()) for end in ends) == pytest.approx(0, abs=1e-3)
