"""Figures as the images that TensorBoard shows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from songpop_tf.drawing import Panel, Vector, error_by_decade, scatter, spectrogram_panels, style

Picture = npt.NDArray[np.uint8]
"""``(height, width, 3)``."""

PANELS = 3
"""Spectrograms in a picture."""
_DPI = 80
_FONT_SIZE = 12
"""TensorBoard shows pictures at half their size until one of them is clicked."""
_LEFT, _RIGHT, _TOP = 0.85, 0.25, 0.6
"""Inches of margin."""


def prediction_pictures(songs: pd.DataFrame, predicted: Vector, heading: str) -> dict[str, Picture]:
    """Predicted against true popularity, and the error by decade, by tag.

    Args:
        songs: columns popularity (0-100) and year (0 = unknown).
        predicted: ``(songs,)`` 0-100.
        heading: the first words of each title.
    """
    truth = songs.popularity.to_numpy("float32")
    return {
        "predictions/against_true": _drawn(
            lambda: scatter(truth, predicted, f"{heading}: {len(songs):,} songs")
        ),
        "predictions/error_by_decade": _drawn(
            lambda: error_by_decade(songs, {heading: predicted}, f"{heading}: error by decade")
        ),
    }


def panels_of(batch: tuple[Any, Any]) -> list[Panel]:
    """The spectrograms of a training batch under their songs' popularity.

    Args:
        batch: inputs with ``spectrogram`` ``(batch, 256, 1024)`` in 0-255; popularity ``(batch,)``,
            or a dictionary of targets that has it.
    """
    inputs, targets = batch
    popularity = targets["popularity"] if isinstance(targets, dict) else targets
    titles = [f"popularity {points:.0f}" for points in popularity.numpy()]
    return list(zip(titles, inputs["spectrogram"].numpy(), strict=True))


def spectrogram_picture(panels: list[Panel], heading: str) -> Picture:
    """Some spectrograms, one below the other."""
    return _drawn(
        lambda: spectrogram_panels(panels, f"{heading}: training songs as the network sees them"),
        below=0.2,
    )


def _drawn(draw: Callable[[], Figure], below: float = 0.75) -> Picture:
    """Draw a figure with so many inches of margin below it."""
    with style(_FONT_SIZE):
        figure = draw()
        # Fixed margins: to find the best ones takes as long as all the rest.
        figure.set_layout_engine(None)
        width, height = figure.get_size_inches()
        figure.subplots_adjust(
            _LEFT / width, below / height, 1 - _RIGHT / width, 1 - _TOP / height, hspace=0.2
        )
        figure.set_dpi(_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3]
