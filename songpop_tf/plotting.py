"""Figures of the report and of TensorBoard."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from pipelines.constants import UNKNOWN_YEAR
from songpop_tf.array_types import Vector
from songpop_tf.constants import WITHIN_POINTS

Panel = tuple[str, npt.NDArray[Any]]
"""Title and spectrogram ``(rows, columns)``, 0-255."""

_ACCENT_COLOR = "#e07a5f"


def figure_style(font_size: float = 10) -> AbstractContextManager[None]:
    """Context manager for the style of all figures; ``font_size`` in points."""
    return matplotlib.rc_context(
        {"axes.spines.top": False, "axes.spines.right": False, "font.size": font_size}
    )


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure; width and height in inches."""
    # Not pyplot: it has global state, and each of its figures must be closed.
    return Figure(figsize=(width, height), layout="constrained")


def plot_predictions(truth: Vector, predicted: Vector, title: str) -> Figure:
    """Scatter plot of predicted against true popularity.

    Args:
        truth: ``(songs,)`` 0-100.
        predicted: ``(songs,)`` 0-100.
        title: of the figure.
    """
    figure = new_figure(6, 6)
    axes = figure.add_subplot()
    diagonal = np.array([0, 100])
    axes.fill_between(
        diagonal,
        diagonal - WITHIN_POINTS,
        diagonal + WITHIN_POINTS,
        color=_ACCENT_COLOR,
        alpha=0.12,
        lw=0,
    )
    axes.plot(diagonal, diagonal, color=_ACCENT_COLOR, lw=1)
    # The more points, the more transparent, so that the density stays visible.
    axes.scatter(truth, predicted, s=14, alpha=min(0.5, 1000 / len(truth)), lw=0)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set_xlabel(f"true popularity, band = within {WITHIN_POINTS:.0f} points")
    axes.set_ylabel("predicted popularity")
    axes.set_title(title, loc="left")
    return figure


def plot_error_by_decade(
    songs: pd.DataFrame, predicted: Mapping[str, Vector], title: str
) -> Figure:
    """Line plot of the mean absolute error by decade.

    Args:
        songs: columns popularity (0-100) and year (0 = unknown).
        predicted: predictions ``(songs,)`` 0-100 by name of the model; one line each.
        title: of the figure.
    """
    decade = songs.year // 10 * 10
    counts = decade.value_counts().sort_index()
    figure = new_figure(8, 4)
    axes = figure.add_subplot()
    for marker, (name, popularity) in zip(cycle("os^"), predicted.items(), strict=False):
        error = (songs.popularity - popularity).abs().groupby(decade).mean()
        axes.plot(range(len(error)), error, marker=marker, label=name)
    labels = [f"{_decade_label(year)}\n{count}" for year, count in counts.items()]
    axes.set_xticks(range(len(counts)), labels)
    axes.set_xlabel("decade, number of songs")
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.set_ylabel("mean absolute error in points")
    axes.set_title(title, loc="left")
    if len(predicted) > 1:
        axes.legend(frameon=False)
    return figure


def _decade_label(decade: Any) -> str:
    return "?" if decade == UNKNOWN_YEAR else f"{decade}s"


def plot_spectrograms(panels: Sequence[Panel], heading: str) -> Figure:
    """Spectrograms in one column, low frequencies at the bottom.

    Args:
        panels: title and spectrogram of each row of the figure.
        heading: of the figure.
    """
    figure = new_figure(10, 2.3 * len(panels) + 0.5)
    for position, (title, image) in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, position)
        # The square root makes dark pixels visible; the CNN applies it too.
        axes.imshow(np.sqrt(image), cmap="magma", aspect="auto")
        axes.set_title(title, loc="left", fontsize="medium")
        axes.set_yticks([0, image.shape[0] - 1], ["12 kHz", "30 Hz"])
        axes.set_xticks([])
    figure.suptitle(heading)
    return figure
