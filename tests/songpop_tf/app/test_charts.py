"""Histograms of popularity."""

import re

import numpy as np

from pipelines.metadata.year_quantiles import fit_year_quantiles
from songpop_tf.app.charts import table_histogram, year_section
from songpop_tf.serving.predictor import Prediction


def _heights(html: str) -> list[float]:
    return [float(height) for height in re.findall(r'class="level".*? height="([\d.]+)"', html)]


def test_bars_are_as_high_as_the_counts() -> None:
    heights = _heights(table_histogram([1.0, 2.0, 51.0, 100.0]))
    assert len(heights) == 20
    assert heights[0] == 100
    assert heights[10] == heights[19] == 50
    assert sum(heights) == 200


def test_no_prediction_is_an_empty_histogram() -> None:
    assert sum(_heights(table_histogram([]))) == 0


def test_a_year_shows_its_songs_and_the_prediction() -> None:
    songs = fit_year_quantiles(np.full(200, 1977), np.linspace(40, 60, 200))[1977]
    html = year_section(Prediction(50.0, 30.0, 70.0), songs)
    heights = _heights(html)
    assert max(heights[8:12]) == 100
    assert sum(heights[:7]) + sum(heights[13:]) == 0
    assert 'x="300" y="0" width="400"' in html
    assert 'x1="500"' in html
    assert "200 songs" in html
    assert "Among the songs of 1977" in html
