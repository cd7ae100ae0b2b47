"""Histograms of popularity, with the place of one song: SVG whose colors follow the style sheet."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipelines.metadata.year_quantiles import YearSongs
from songpop_tf.explanation.place import place_within_year
from songpop_tf.serving.predictor import Prediction

_EDGES = range(0, 101, 5)
_MARKS = range(0, 101, 20)
_HEIGHT = 100


def year_section(prediction: Prediction, songs: YearSongs) -> str:
    """The popularity of the training songs of a year, with the prediction and its interval."""
    shares = [songs.share_below(high) - songs.share_below(low) for low, high in pairwise(_EDGES)]
    place = place_within_year(prediction.popularity, 0, {0: songs})
    years = "" if place is None else place.years
    return (
        f"<section>\n<h2>Among the songs of {years}</h2>\n"
        f"<p>How popular {songs.songs:,} songs of the training data are; the line is the "
        "prediction, the band its 90 % interval.</p>\n"
        + _histogram(shares, f"Popularity of the songs of {years}", prediction)
        + "</section>"
    )


def table_histogram(popularity: Sequence[float]) -> str:
    """The predictions of a table."""
    counts, _ = np.histogram(popularity, _EDGES)
    shares = (counts / max(len(popularity), 1)).tolist()
    return _histogram(shares, f"Predicted popularity of {len(popularity):,} songs", None)


def _histogram(shares: Sequence[float], label: str, prediction: Prediction | None) -> str:
    highest = max(*shares, 1e-9)
    largest = max(range(len(shares)), key=shares.__getitem__)
    width = 1000 / len(shares)
    bars = "".join(
        f'<rect class="level" x="{width * index + 1:.0f}" y="{_HEIGHT * (1 - share / highest):.1f}"'
        f' width="{width - 2:.0f}" height="{_HEIGHT * share / highest:.1f}">'
        f"<title>{_EDGES[index]} to {_EDGES[index + 1]}: {share:.0%}</title></rect>"
        for index, share in enumerate(shares)
    )
    said = f"{label}; most frequent: {_EDGES[largest]} to {_EDGES[largest + 1]}"
    return (
        f'<figure class="histogram"><svg viewBox="0 0 1000 {_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{said}">{bars}{_marker(prediction)}</svg>'
        '<ol class="times" aria-hidden="true">'
        + "".join(f"<li>{mark}</li>" for mark in _MARKS)
        + "</ol></figure>\n"
    )


def _marker(prediction: Prediction | None) -> str:
    if prediction is None:
        return ""
    popularity, low, high = (10 * value for value in prediction)
    return (
        f'<rect class="band" x="{low:.0f}" y="0" width="{high - low:.0f}" height="{_HEIGHT}"/>'
        f'<line class="prediction" x1="{popularity:.0f}" x2="{popularity:.0f}" y1="0" '
        f'y2="{_HEIGHT}"/>'
    )
