"""The figures of a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
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
from songpop_tf.evaluation.metrics import NEAR, PREDICTED
from songpop_tf.training.run import Run

DPI = 110
_COLOURS = {"baselines": "#9aa5b1", "models": "#2a6f97"}
_ACCENT, _TRUTH = "#e07a5f", "#333333"


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
    drawn: dict[str, Callable[[], Figure]] = {
        "Configurations compared": lambda: comparison(evaluation),
        "Predicted against true": lambda: scatter(predictions, best),
        "Error by decade": lambda: error_by_decade(predictions, ["year", "boosting", best]),
        "Training curves": lambda: training_curves(histories),
        "Spectrograms": lambda: spectrograms(data, augmentation),
    }
    paths = {}
    with matplotlib.rc_context(
        {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10}
    ):
        for title, draw in drawn.items():
            paths[title] = directory / f"{title.lower().replace(' ', '_')}.png"
            with write_atomically(paths[title]) as temporary:
                draw().savefig(temporary, dpi=DPI)
    return paths


def _figure(width: float, height: float) -> Figure:
    # Figure objects, not pyplot: no global state, no window, nothing to close.
    return Figure(figsize=(width, height), layout="constrained")


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
    figure = _figure(8, 0.42 * len(rows) + 1.2)
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


def scatter(predictions: pd.DataFrame, name: str) -> Figure:
    """Predicted against true popularity of the test songs."""
    figure = _figure(6, 6)
    axes = figure.add_subplot()
    ends = np.array([0, 100])
    axes.fill_between(ends, ends - NEAR, ends + NEAR, color=_ACCENT, alpha=0.12, lw=0)
    axes.plot(ends, ends, color=_ACCENT, lw=1)
    axes.scatter(predictions.popularity, predictions[PREDICTED + name], s=14, alpha=0.5, lw=0)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set_xlabel("true popularity")
    axes.set_ylabel("predicted popularity")
    axes.set_title(f"{name}: test songs, band = within {NEAR:.0f} points", loc="left")
    return figure


def error_by_decade(predictions: pd.DataFrame, names: list[str]) -> Figure:
    """Mean absolute error of some configurations for each decade of the test songs."""
    decade = predictions.year // 10 * 10
    counts = decade.value_counts().sort_index()
    figure = _figure(8, 4)
    axes = figure.add_subplot()
    for name, marker in zip(names, "os^", strict=True):
        error = (
            (predictions[PREDICTED + name] - predictions.popularity).abs().groupby(decade).mean()
        )
        axes.plot(range(len(error)), error, marker=marker, label=name)
    axes.set_xticks(range(len(counts)), [f"{year}s\nn = {count}" for year, count in counts.items()])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("mean absolute error in points")
    axes.set_title("Error by decade", loc="left")
    axes.legend(frameon=False)
    return figure


def training_curves(histories: dict[str, list[dict[str, Any]]]) -> Figure:
    """Training and validation MSE of each configuration by epoch."""
    columns = min(3, len(histories))
    rows = -(-len(histories) // columns)
    figure = _figure(3.6 * columns, 2.8 * rows)
    for place, (name, history) in enumerate(histories.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        table = pd.DataFrame(history)
        best = table.iloc[int(table.val_loss.argmin())]
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
        panels.insert(
            0, ("the file: {} x {}, 200 columns a second".format(*original.shape), original)
        )
    figure = _figure(10, 2.3 * len(panels) + 0.5)
    for place, (title, image) in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, place)
        # The root shows what the dark parts hold; the network sees it that way too.
        axes.imshow(np.sqrt(image.numpy()), cmap="magma", aspect="auto")
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_yticks([0, image.shape[0] - 1], ["12 kHz", "30 Hz"])
        axes.set_xticks([])
    artist, title = song["artist"].numpy().decode(), song["title"].numpy().decode()
    figure.suptitle(f"{artist} - {title}")
    return figure


def _original(data: PreparedData) -> tf.Tensor | None:
    """The file behind the first training record; None once its folder has been moved away."""
    file = data.songs_of(TRAIN).file.iloc[0]
    path = Path(data.manifest["sources"]["spectrograms"]) / file
    if not path.is_file():
        return None
    image = tf.io.decode_png(tf.io.read_file(str(path)), channels=1)[:, :, 0]
    return tf.cast(image, tf.float32)
