"""Figures as image arrays for TensorBoard."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songpop_tf.array_types import Vector
from songpop_tf.plotting import (
    Panel,
    figure_style,
    plot_error_by_decade,
    plot_predictions,
    plot_spectrograms,
)

Image = npt.NDArray[np.uint8]
"""``(height, width, 3)``."""

PANELS = 3
"""Spectrograms in an image."""
_DPI = 80
_FONT_SIZE = 12
"""TensorBoard shows images at half their size until one of them is clicked."""
_LEFT, _RIGHT, _TOP = 0.85, 0.25, 0.6
"""Margins in inches."""


def prediction_images(songs: pd.DataFrame, predicted: Vector, heading: str) -> dict[str, Image]:
    """Predicted against true popularity, and the error by decade, by TensorBoard tag.

    Args:
        songs: columns popularity (0-100) and year (0 = unknown).
        predicted: ``(songs,)`` 0-100.
        heading: beginning of each title.
    """
    truth = songs.popularity.to_numpy("float32")
    return {
        "predictions/against_true": _render(
            lambda: plot_predictions(truth, predicted, f"{heading}: {len(songs):,} songs")
        ),
        "predictions/error_by_decade": _render(
            lambda: plot_error_by_decade(songs, {heading: predicted}, f"{heading}: error by decade")
        ),
    }


def spectrogram_panels(batch: tuple[Any, Any]) -> list[Panel]:
    """The spectrograms of a training batch, titled with the songs' popularity.

    Args:
        batch: inputs with ``spectrogram`` ``(batch, 256, 1024)`` in 0-255; popularity ``(batch,)``,
            or a dictionary of targets that has it.
    """
    inputs, targets = batch
    popularity = targets["popularity"] if isinstance(targets, dict) else targets
    titles = [f"popularity {points:.0f}" for points in popularity.numpy()]
    return list(zip(titles, inputs["spectrogram"].numpy(), strict=True))


def spectrogram_image(panels: list[Panel], heading: str) -> Image:
    """Spectrograms one below the other."""
    return _render(
        lambda: plot_spectrograms(panels, f"{heading}: training songs as model input"),
        bottom=0.2,
    )


def _render(draw: Callable[[], Figure], bottom: float = 0.75) -> Image:
    """Render a figure; ``bottom`` is the margin below it in inches."""
    with figure_style(_FONT_SIZE):
        figure = draw()
        # Fixed margins: the constrained layout takes as long as all the rest.
        figure.set_layout_engine(None)
        width, height = figure.get_size_inches()
        figure.subplots_adjust(
            _LEFT / width, bottom / height, 1 - _RIGHT / width, 1 - _TOP / height, hspace=0.2
        )
        figure.set_dpi(_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3]
