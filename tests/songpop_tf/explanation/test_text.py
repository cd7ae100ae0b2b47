"""Explanations as text."""

from songpop_tf.explanation.explain import Explanation, FieldExplanation
from songpop_tf.explanation.place import Place
from songpop_tf.explanation.text import (
    explanation_text,
    hertz_text,
    interval_text,
    points_text,
    time_text,
)
from songpop_tf.serving.predictor import Prediction

PREDICTION = Prediction(67.3, 49.0, 86.0)


def test_line_names_the_place_and_what_matters_most() -> None:
    shapley = {"year": 21.2, "artist": -9.4, "title": 0.2, "sound": 3.0}
    place = Place(0.72, 1234, 1977, 1977)
    fields = FieldExplanation(PREDICTION, 50.0, shapley, shapley, place)
    line = "67.3  (90 % interval: 49 to 86; higher than 72 % of 1977; year +21, artist -9)"
    assert interval_text(PREDICTION, fields) == line
    assert interval_text(PREDICTION) == "67.3  (90 % interval: 49 to 86)"
    nothing = FieldExplanation(PREDICTION, 67.0, {"title": 0.3}, {"title": 0.3}, None)
    assert interval_text(PREDICTION, nothing) == "67.3  (90 % interval: 49 to 86)"


def test_numbers_are_short() -> None:
    assert [time_text(seconds) for seconds in (0, 2.04, 62, 59.96, 600)] == [
        "0:00",
        "0:02",
        "1:02",
        "1:00",
        "10:00",
    ]
    assert time_text(1.5) == "0:01.5"
    assert [hertz_text(hertz) for hertz in (30.0, 1200.0, 12_000.0)] == [
        "30 Hz",
        "1.2 kHz",
        "12 kHz",
    ]
    assert [points_text(effect) for effect in (1.25, -0.04, -3.0)] == ["+1.2", "0.0", "-3.0"]


def test_page_has_every_section(explanation: Explanation) -> None:
    text = explanation_text(explanation)
    parts = (explanation.song.artist, "= prediction", "title: ", "Times that", "Hz", "other song")
    for expected in parts:
        assert expected in text
    assert max(map(len, text.splitlines())) < 100
