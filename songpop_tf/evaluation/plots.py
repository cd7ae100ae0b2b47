"""The figures of the report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from matplotlib.figure import Figure

from pipelines.audio.audio_spectrogram import audio_spectrogram
from pipelines.config import AugmentationConfig
from pipelines.io import write_atomically
from pipelines.prepared_data import PreparedData
from pipelines.source_folders import is_spectrogram
from pipelines.spectrograms.augmentation import augment
from pipelines.spectrograms.tfrecords import parse_song
from pipelines.splits import TRAIN
from songpop_tf.array_types import Vector
from songpop_tf.constants import WITHIN_POINTS
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX
from songpop_tf.plotting import (
    Panel,
    figure_style,
    new_figure,
    plot_error_by_decade,
    plot_predictions,
    plot_spectrograms,
)
from songpop_tf.training.configurations import find_configuration
from songpop_tf.training.run import Run

DPI = 110

_COLORS = {"baselines": "#9aa5b1", "models": "#2a6f97"}
_MARKER_COLOR = "#333333"


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report.

    Attributes:
        title: heading in the report; the file is named after it.
        caption: one sentence on what to read from the figure.
        draw: draws the figure.
    """

    title: str
    caption: str
    draw: Callable[[], Figure]

    @property
    def file(self) -> str:
        """File name, such as "training_curves.png"."""
        return f"{self.title.lower().replace(' ', '_')}.png"


def write_figures(
    data: PreparedData,
    run: Run,
    predictions: pd.DataFrame,
    evaluation: dict[str, Any],
    directory: Path,
) -> list[ReportFigure]:
    """Draw all figures and write each as a PNG file.

    Args:
        data: the data that the run was trained on.
        run: holds the histories and the augmentation.
        predictions: the test songs with one column for each baseline and model.
        evaluation: content of ``evaluation.json``.
        directory: of the files.

    Returns:
        The figures in the order of the report.
    """
    figures = _report_figures(data, run, predictions, evaluation)
    with figure_style():
        for figure in figures:
            with write_atomically(directory / figure.file) as temporary:
                figure.draw().savefig(temporary, dpi=DPI)
    return figures


def _report_figures(
    data: PreparedData, run: Run, predictions: pd.DataFrame, evaluation: dict[str, Any]
) -> list[ReportFigure]:
    models = list(evaluation["models"])
    best = min(models, key=lambda name: float(evaluation["models"][name]["mse"]))
    histories = {name: run.load_history(find_configuration(name)) for name in models}

    def predicted(name: str) -> Vector:
        return predictions[PREDICTED_PREFIX + name].to_numpy("float64")

    return [
        ReportFigure(
            "Configurations compared",
            "The shorter the bar, the lower the test MSE; where two 95 % intervals overlap widely, "
            "the test songs are too few to rank the two.",
            lambda: plot_comparison(evaluation),
        ),
        ReportFigure(
            "Predicted against true",
            f"Points on the diagonal are exact, points in the band are within "
            f"{WITHIN_POINTS:.0f} points; a cloud flatter than the diagonal means that predictions "
            "regress to the mean.",
            lambda: plot_predictions(
                predictions.popularity.to_numpy("float64"), predicted(best), f"{best}: test songs"
            ),
        ),
        ReportFigure(
            "Error by decade",
            "The lower the line, the smaller the error on songs of that decade; decades with few "
            "songs are noisy.",
            lambda: plot_error_by_decade(
                predictions,
                {name: predicted(name) for name in ("year", "boosting", best)},
                "Error by decade",
            ),
        ),
        ReportFigure(
            "Training curves",
            "The dot marks the epoch whose weights were restored; a training MSE that keeps "
            "falling while the validation MSE rises is overfitting.",
            lambda: plot_training_curves(histories),
        ),
        ReportFigure(
            "Spectrograms",
            "What resizing to the model input and augmentation keep of a training song, low "
            "frequencies at the bottom.",
            lambda: plot_augmentation(data, run.config().augmentation),
        ),
    ]


def plot_comparison(evaluation: dict[str, Any]) -> Figure:
    """Bar chart of the test MSE with 95 % intervals, lowest at the top."""
    rows = [
        (name, measured, _COLORS[group])
        for group in ("baselines", "models")
        for name, measured in evaluation[group].items()
    ]
    rows.sort(key=lambda row: -row[1]["mse"])
    names, measured, colors = zip(*rows, strict=True)
    mse = np.array([metrics["mse"] for metrics in measured])
    low, high = np.array([metrics["mse_ci"] for metrics in measured]).T
    figure = new_figure(8, 0.42 * len(rows) + 1.2)
    axes = figure.add_subplot()
    axes.barh(names, mse, color=colors, xerr=[mse - low, high - mse], ecolor="#555555", capsize=3)
    for y, (value, x) in enumerate(zip(mse, high, strict=True)):
        axes.annotate(
            f"{value:.0f}", (x, y), xytext=(6, 0), textcoords="offset points", va="center"
        )
    axes.set_xlim(0, high.max() * 1.1)
    axes.set_xlabel("test MSE in points², with 95 % interval (lower is better)")
    axes.set_title("Models (blue) and baselines (gray)", loc="left")
    return figure


def plot_training_curves(histories: dict[str, list[dict[str, Any]]]) -> Figure:
    """Training and validation MSE of each configuration by epoch.

    Args:
        histories: one entry for each epoch with epoch, stage (number of the training stage), loss
            and val_loss, by configuration.
    """
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure = new_figure(3.6 * columns, 2.8 * rows)
    for position, (name, history) in enumerate(histories.items(), start=1):
        axes = figure.add_subplot(rows, columns, position)
        table = pd.DataFrame(history)
        # Earlier stages have other validation songs.
        last_stage = table[table.stage == table.stage.max()]
        best = last_stage.iloc[int(last_stage.val_loss.argmin())]
        axes.plot(table.epoch, table.loss, label="training")
        axes.plot(table.epoch, table.val_loss, label="validation")
        axes.plot(best.epoch, best.val_loss, "o", color=_MARKER_COLOR, ms=4, label="best epoch")
        # The losses of the first epochs would flatten the rest of the curve.
        axes.set_ylim(0, 1.6 * max(table.val_loss.median(), table.loss.median()))
        axes.set_title(name, loc="left")
        axes.set_xlabel("epoch")
        axes.set_ylabel("MSE in points²")
        if position == 1:
            axes.legend(frameon=False, fontsize=8)
    return figure


def plot_augmentation(data: PreparedData, augmentation: AugmentationConfig) -> Figure:
    """A training song as in its file, as model input, and augmented."""
    record = next(iter(tf.data.TFRecordDataset(str(data.shards_of(TRAIN)[0]))))
    song = parse_song(record)
    resized = tf.cast(song["spectrogram"], tf.float32)
    augmented = augment(resized, augmentation, tf.constant([0, 0]))
    panels: list[Panel] = [
        ("model input: the whole song resized to 256 x 1024", resized.numpy()),
        ("augmented for training", augmented.numpy()),
    ]
    original = _read_original(data)
    if original is not None:
        panels.insert(0, ("file: {} x {}".format(*original.shape), original.numpy()))
    artist, title = song["artist"].numpy().decode(), song["title"].numpy().decode()
    return plot_spectrograms(panels, f"{artist} - {title}")


def _read_original(data: PreparedData) -> tf.Tensor | None:
    """The spectrogram of the first training song; None if its file is not on this machine."""
    file = data.songs_of(TRAIN).file.iloc[0]
    if data.folders.is_remote(file):
        return None
    path = data.folders.path(file)
    if not path.is_file():
        return None
    if is_spectrogram(file):
        image = tf.io.decode_png(tf.io.read_file(str(path)), channels=1)[:, :, 0]
    else:
        image = audio_spectrogram(path)
    return tf.cast(image, tf.float32)
