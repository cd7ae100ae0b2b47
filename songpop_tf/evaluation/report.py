"""The report that a person reads."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.files import write_atomically
from pipelines.prepared import PreparedData
from songpop_tf.evaluation.metrics import PREDICTED, mse_gain
from songpop_tf.training.run import Run

REPORT = "report.md"

MEANING = {
    "mean": "the mean of the training songs for every song",
    "year": "a spline over the release year",
    "boosting": "gradient boosting on year, artist mean and n-grams, with the large set",
    "text_naive": "text branch, from scratch on the songs with spectrograms",
    "cnn_naive": "CNN, trained on popularity alone, without augmentation",
    "combined_naive": "both branches trained together from scratch",
    "text": "text branch, pre-trained on the large set, then trained on the songs",
    "cnn": "CNN, trained with augmentation and taught how songs sound",
    "combined": "frozen pre-trained branches, trained head",
}


def write_report(
    data: PreparedData,
    run: Run,
    predictions: pd.DataFrame,
    evaluation: dict[str, Any],
    figures: dict[str, Path],
    seed: int,
) -> None:
    """Write ``report.md`` into the run: what was measured, the table, the verdict, the figures."""
    parts = [
        "# How well popularity is predicted",
        _protocol(data, evaluation["protocol"]),
        _table(evaluation),
        "All errors are in points of the 0-100 popularity scale, on songs that no model was "
        "trained on or chosen by. The interval is a 95 % bootstrap over songs.",
        _verdict(predictions, evaluation, seed),
        _intervals(evaluation),
        *([_words_missing(evaluation)] if evaluation["words_missing"] else []),
        *(f"## {title}\n\n![{title}](figures/{path.name})" for title, path in figures.items()),
        _linkage(data),
    ]
    with write_atomically(run.directory / REPORT) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n")


def text_table(evaluation: dict[str, Any], reachable_r2: dict[str, float] | None = None) -> str:
    """The table for a terminal.

    Args:
        evaluation: as in ``evaluation.json``.
        reachable_r2: for "text", "cnn" and "combined" the best R2 that the data allow, where that
            is known; adds how much of it each model reaches.
    """
    head = (
        f"{'configuration':<15} {'MSE':>6} {'95 % interval':>15} {'MAE':>6} {'R2':>7} "
        f"{'within 15':>10}"
    )
    lines = [head + ("  of reachable R2" if reachable_r2 else "")]
    for name, one in (evaluation["baselines"] | evaluation["models"]).items():
        low, high = one["mse_ci"]
        line = (
            f"{name:<15} {one['mse']:>6.1f} {f'{low:.0f} to {high:.0f}':>15} {one['mae']:>6.2f} "
            f"{one['r2']:>7.3f} {one['within_15']:>10.1%}"
        )
        best = (reachable_r2 or {}).get(name.removesuffix("_naive"))
        lines.append(line + (f"  {one['r2'] / best:>6.0%} of {best:.3f}" if best else ""))
    return "\n".join(lines)


def _protocol(data: PreparedData, protocol: dict[str, Any]) -> str:
    meaning = {
        "random": "dealt at random",
        "artist": "no artist of a test song was heard in training",
        "time": "the newest songs are the test",
    }[protocol["split"]]
    large = sum(data.manifest["counts"]["metadata"].values())
    return (
        f"Split `{protocol['split']}` ({meaning}), seed {protocol['seed']}: "
        f"{protocol['n_train']:,} songs to train on, {protocol['n_validation']:,} to choose by, "
        f"{protocol['n_test']:,} to report on. The large text set holds {large:,} rows and none of "
        "these songs."
    )


def _table(evaluation: dict[str, Any]) -> str:
    lines = [
        "| configuration | what it is | MSE | 95 % interval | MAE | R² | Spearman | within 15 |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in (evaluation["baselines"] | evaluation["models"]).items():
        low, high = one["mse_ci"]
        lines.append(
            f"| {name} | {MEANING[name]} | {one['mse']:.1f} | {low:.0f} to {high:.0f} | "
            f"{one['mae']:.2f} | {one['r2']:.3f} | {one['spearman']:.3f} | "
            f"{one['within_15']:.1%} |"
        )
    return "\n".join(lines)


def _verdict(predictions: pd.DataFrame, evaluation: dict[str, Any], seed: int) -> str:
    """Which model is best and whether its lead over the best of the rest is sure."""
    measured = evaluation["baselines"] | evaluation["models"]
    best, second = sorted(measured, key=lambda name: float(measured[name]["mse"]))[:2]
    gain, (low, high) = mse_gain(
        predictions.popularity.to_numpy("float64"),
        predictions[PREDICTED + best].to_numpy("float64"),
        predictions[PREDICTED + second].to_numpy("float64"),
        seed,
    )
    sure = "which is more than chance" if low > 0 else "which may be chance"
    return (
        f"**Best: {best}.** It saves {gain:.1f} points² of MSE over the next best, {second} "
        f"(95 % interval {low:.1f} to {high:.1f}, paired over songs), {sure}."
    )


def _intervals(evaluation: dict[str, Any]) -> str:
    lines = [
        "## How sure\n",
        "Each prediction comes with an interval that is to hold the truth for 90 % of songs "
        "(split-conformal, from the validation songs; wider for songs of which less is known).\n",
        "| model | points to either side | test songs within |",
        "|---|---:|---:|",
    ]
    for name, one in evaluation["intervals"].items():
        lines.append(f"| {name} | {one['half_width']:.1f} | {one['coverage']:.1%} |")
    return "\n".join(lines)


def _words_missing(evaluation: dict[str, Any]) -> str:
    """What the models do without artist, title or year; models that do not read them left out."""
    models = evaluation["words_missing"]
    heads = "".join(f" {name} MSE | points | within |" for name in models)
    lines = [
        "## With words missing\n",
        "The same test songs as if nobody knew their artist, title or year: the error, the points "
        "to either side of the interval, and the share of songs within it.\n",
        f"| not known |{heads}",
        f"|---|{'---:|---:|---:|' * len(models)}",
    ]
    for rows in zip(*models.values(), strict=True):
        cells = "".join(
            f" {one['mse']:.1f} | {one['half_width']:.1f} | {one['coverage']:.1%} |" for one in rows
        )
        lines.append(f"| {', '.join(rows[0]['unknown'])} |{cells}")
    return "\n".join(lines)


def _linkage(data: PreparedData) -> str:
    counts = data.manifest["counts"]
    linked = ", ".join(f"{count:,} {kind}" for kind, count in counts["linkage"].items())
    left = ", ".join(
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts["quarantine"].items()
    )
    return (
        "## The data\n\n"
        f"Spectrograms and tracks were linked by name: {linked} (`linkage.csv`). "
        f"Not used: {left or 'nothing'} (`quarantine.csv`)."
    )
