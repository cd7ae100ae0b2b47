"""The figures of a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from matplotlib.figure import Figure

from pipelines.augmentation import augment
from pipelines.files import write_atomically
from pipelines.prepared import PreparedData
from pipelines.records import parse_song
from pipelines.splits import TRAIN
from songpop_tf.config import AugmentationConfig
from songpop_tf.drawing import error_by_decade, new_figure, scatter, spectrogram_panels, style
from songpop_tf.evaluation.metrics import PREDICTED, Vector
from songpop_tf.training.run import Run

DPI = 110
_COLOURS = {"baselines": "#9aa5b1", "models": "#2a6f97"}
_TRUTH = "#333333"


def write_figures(
    data: PreparedData,
    run: Run,
    predictions: pd.DataFrame,
    evaluation: dict[str, Any],
    directory: Path,
) -> dict[str, Path]:
    """Draw all figures.

    Args:
        predictions: the test songs with one column for each baseline and model.
        evaluation: as in ``evaluation.json``.
        directory: gets one PNG for each figure.

    Returns:
        Path of each figure by its title.
    """
    models = list(evaluation["models"])
    histories = {name: run.load_history(name) for name in models}
    best = min(models, key=lambda name: evaluation["models"][name]["mse"])
    augmentation = run.config().augmentation

    def by(name: str) -> Vector:
        return predictions[PREDICTED + name].to_numpy("float64")

    drawn: dict[str, Callable[[], Figure]] = {
        "Configurations compared": lambda: comparison(evaluation),
        "Predicted against true": lambda: scatter(
            predictions.popularity.to_numpy("float64"), by(best), f"{best}: test songs"
        ),
        "Error by decade": lambda: error_by_decade(
            predictions, {name: by(name) for name in ("year", "boosting", best)}, "Error by decade"
        ),
        "Training curves": lambda: training_curves(histories),
        "Spectrograms": lambda: spectrograms(data, augmentation),
    }
    paths = {}
    with style():
        for title, draw in drawn.items():
            paths[title] = directory / f"{title.lower().replace(' ', '_')}.png"
            with write_atomically(paths[title]) as temporary:
                draw().savefig(temporary, dpi=DPI)
    return paths


def comparison(evaluation: dict[str, Any]) -> Figure:
    """Bars of the test MSE with 95 % intervals, best at the top."""
    rows = [
        (name, measured, _COLOURS[group])
        for group in ("baselines", "models")
        for name, measured in evaluation[group].items()
    ]
    rows.sort(key=lambda row: -row[1]["mse"])
    names, measured, colours = zip(*rows, strict=True)
    mse = np.array([one["mse"] for one in measured])
    low, high = np.array([one["mse_ci"] for one in measured]).T
    figure = new_figure(8, 0.42 * len(rows) + 1.2)
    axes = figure.add_subplot()
    axes.barh(names, mse, color=colours, xerr=[mse - low, high - mse], ecolor="#555555", capsize=3)
    for place, (value, edge) in enumerate(zip(mse, high, strict=True)):
        axes.annotate(
            f"{value:.0f}", (edge, place), xytext=(6, 0), textcoords="offset points", va="center"
        )
    axes.set_xlim(0, high.max() * 1.1)
    axes.set_xlabel("test MSE in points², with 95 % interval (shorter is better)")
    axes.set_title("Models (blue) against baselines (grey)", loc="left")
    return figure


def training_curves(histories: dict[str, list[dict[str, Any]]]) -> Figure:
    """Training and validation MSE of each configuration by epoch."""
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure = new_figure(3.6 * columns, 2.8 * rows)
    for place, (name, history) in enumerate(histories.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        table = pd.DataFrame(history)
        # The fits before the last watched other songs. (Older runs do not tell them apart.)
        last = table[table.fit == table.fit.max()] if "fit" in table else table
        best = last.iloc[int(last.val_loss.argmin())]
        axes.plot(table.epoch, table.loss, label="training")
        axes.plot(table.epoch, table.val_loss, label="validation")
        axes.plot(best.epoch, best.val_loss, "o", color=_TRUTH, ms=4, label="kept")
        # The first epochs of a fresh network would press the rest of the curve flat.
        axes.set_ylim(0, 1.6 * max(table.val_loss.median(), table.loss.median()))
        axes.set_title(name, loc="left")
        axes.set_xlabel("epoch")
        axes.set_ylabel("MSE in points²")
        if place == 1:
            axes.legend(frameon=False, fontsize=8)
    return figure


def spectrograms(data: PreparedData, augmentation: AugmentationConfig) -> Figure:
    """A training song as it lies in its file, as the network sees it, and augmented."""
    record = next(iter(tf.data.TFRecordDataset(str(data.shards_of(TRAIN)[0]))))
    song = parse_song(record)
    shrunk = tf.cast(song["spectrogram"], tf.float32)
    panels = [
        ("as the network sees it: the whole song in 256 x 1024", shrunk),
        ("augmented for training", augment(shrunk, augmentation, tf.constant([0, 0]))),
    ]
    original = _original(data)
    if original is not None:
        panels.insert(0, ("the file: {} x {}".format(*original.shape), original))
    artist, title = song["artist"].numpy().decode(), song["title"].numpy().decode()
    images = [(what, image.numpy()) for what, image in panels]
    return spectrogram_panels(images, f"{artist} - {title}")


def _original(data: PreparedData) -> tf.Tensor | None:
    """The file behind the first training record; None once its folder has been moved away."""
    file = data.songs_of(TRAIN).file.iloc[0]
    path = Path(data.manifest["sources"]["spectrograms"]) / file
    if not path.is_file():
        return None
    image = tf.io.decode_png(tf.io.read_file(str(path)), channels=1)[:, :, 0]
    return tf.cast(image, tf.float32)
