"""Figures that the report and TensorBoard share."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from pipelines.years import UNKNOWN_YEAR
from songpop_tf.scale import NEAR

Vector = npt.NDArray[np.floating]
Panel = tuple[str, npt.NDArray[Any]]
"""A title and a spectrogram ``(rows, columns)``, 0-255."""

_ACCENT = "#e07a5f"


def style(font_size: float = 10) -> AbstractContextManager[None]:
    """Within it figures look as all of the project's do; ``font_size`` in points."""
    return matplotlib.rc_context(
        {"axes.spines.top": False, "axes.spines.right": False, "font.size": font_size}
    )


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    # Figure objects, not pyplot: no global state, no window, nothing to close.
    return Figure(figsize=(width, height), layout="constrained")


def scatter(truth: Vector, predicted: Vector, title: str) -> Figure:
    """Predicted against true popularity.

    Args:
        truth: ``(songs,)`` 0-100.
        predicted: ``(songs,)`` 0-100.
        title: above the figure.
    """
    figure = new_figure(6, 6)
    axes = figure.add_subplot()
    ends = np.array([0, 100])
    axes.fill_between(ends, ends - NEAR, ends + NEAR, color=_ACCENT, alpha=0.12, lw=0)
    axes.plot(ends, ends, color=_ACCENT, lw=1)
    # Of many points fainter ones, so that it still shows where most of them are.
    axes.scatter(truth, predicted, s=14, alpha=min(0.5, 1000 / len(truth)), lw=0)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set_xlabel(f"true popularity, band = within {NEAR:.0f} points")
    axes.set_ylabel("predicted popularity")
    axes.set_title(title, loc="left")
    return figure


def error_by_decade(songs: pd.DataFrame, predicted: Mapping[str, Vector], title: str) -> Figure:
    """Mean absolute error for each decade.

    Args:
        songs: columns popularity (0-100) and year (0 = unknown).
        predicted: ``(songs,)`` 0-100 by the name of who predicts.
        title: above the figure.
    """
    decade = songs.year // 10 * 10
    counts = decade.value_counts().sort_index()
    figure = new_figure(8, 4)
    axes = figure.add_subplot()
    for marker, (name, popularity) in zip(cycle("os^"), predicted.items(), strict=False):
        error = (songs.popularity - popularity).abs().groupby(decade).mean()
        axes.plot(range(len(error)), error, marker=marker, label=name)
    axes.set_xticks(range(len(counts)), [f"{_named(year)}\n{n}" for year, n in counts.items()])
    axes.set_xlabel("decade, number of songs")
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.set_ylabel("mean absolute error in points")
    axes.set_title(title, loc="left")
    if len(predicted) > 1:
        axes.legend(frameon=False)
    return figure


def _named(decade: Any) -> str:
    return "?" if decade == UNKNOWN_YEAR else f"{decade}s"


def spectrogram_panels(panels: Sequence[Panel], heading: str) -> Figure:
    """Spectrograms one below the other, low frequencies at the bottom.

    Args:
        panels: title and image of each.
        heading: above all of them.
    """
    figure = new_figure(10, 2.3 * len(panels) + 0.5)
    for place, (title, image) in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, place)
        # The root shows what the dark parts hold; the network sees it that way too.
        axes.imshow(np.sqrt(image), cmap="magma", aspect="auto")
        axes.set_title(title, loc="left", fontsize="medium")
        axes.set_yticks([0, image.shape[0] - 1], ["12 kHz", "30 Hz"])
        axes.set_xticks([])
    figure.suptitle(heading)
    return figure
