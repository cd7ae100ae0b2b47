"""The evaluation report, in Markdown."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipelines.io import write_atomically
from pipelines.prepared_data import PreparedData
from songpop_tf.constants import REPORT_FILE
from songpop_tf.evaluation.interval_metrics import MIN_GROUP_SONGS
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX, mse_gain
from songpop_tf.evaluation.plots import ReportFigure
from songpop_tf.training.run import Run

_DESCRIPTIONS = {
    "mean": "mean popularity of the training songs",
    "year": "spline over the release year",
    "boosting": "gradient boosting on year, artist mean and n-grams, with the pre-training set",
    "text_naive": "text branch, trained from scratch on the songs with a spectrogram",
    "cnn_naive": "CNN, trained on popularity alone, without augmentation",
    "combined_naive": "both branches, trained jointly from scratch",
    "text": "text branch, pre-trained on the pre-training set, then fine-tuned on the songs",
    "cnn": "CNN, trained with augmentation and with audio features as auxiliary output",
    "combined": "head trained on the frozen branches of `text` and `cnn`",
}
_SPLITS = {
    "random": "songs are assigned at random",
    "artist": "no artist of a test song is in the training data",
    "time": "the newest songs are the test songs",
}


def write_report(
    data: PreparedData,
    run: Run,
    predictions: pd.DataFrame,
    evaluation: dict[str, Any],
    figures: Sequence[ReportFigure],
    seed: int,
) -> None:
    """Write ``report.md`` into the run: protocol, metrics, intervals, figures and data.

    Args:
        data: the data that the run was trained on.
        run: an evaluated run.
        predictions: the test songs with one column for each baseline and model.
        evaluation: content of ``evaluation.json``.
        figures: as `write_figures` returns them.
        seed: of the bootstrap.
    """
    sections = [
        "# Evaluation of the popularity models",
        _protocol(data, evaluation["protocol"]),
        _metrics_table(evaluation),
        "All errors are in points of the 0-100 popularity scale, on test songs that were used "
        "neither for training nor for model selection. The 95 % interval is a bootstrap over "
        "songs.",
        _best_model(predictions, evaluation, seed),
        _intervals(evaluation),
        *_interval_groups(evaluation),
        *([_missing_fields(evaluation)] if evaluation["missing_fields"] else []),
        *(_figure(figure) for figure in figures),
        _linkage(data),
    ]
    with write_atomically(run.directory / REPORT_FILE) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n")


def text_table(evaluation: dict[str, Any], reachable_r2: dict[str, float] | None = None) -> str:
    """Format the metrics as a table for the terminal.

    Args:
        evaluation: content of ``evaluation.json``.
        reachable_r2: the noise ceiling of R2 for "text", "cnn" and "combined", if known (synthetic
            data); adds a column with the share of it that each model reaches. With few test songs,
            sampling noise can lift that above 100 %.
    """
    header = (
        f"{'configuration':<15} {'MSE':>6} {'95 % interval':>15} {'MAE':>6} {'R2':>7} "
        f"{'within 15':>10}"
    )
    lines = [header + ("  of reachable R2" if reachable_r2 else "")]
    for name, measured in (evaluation["baselines"] | evaluation["models"]).items():
        low, high = measured["mse_ci"]
        line = (
            f"{name:<15} {measured['mse']:>6.1f} {f'{low:.0f} to {high:.0f}':>15} "
            f"{measured['mae']:>6.2f} {measured['r2']:>7.3f} {measured['within_15']:>10.1%}"
        )
        reachable = (reachable_r2 or {}).get(name.removesuffix("_naive"))
        if reachable:
            line += f"  {measured['r2'] / reachable:>6.0%} of {reachable:.3f}"
        lines.append(line)
    return "\n".join(lines)


def _protocol(data: PreparedData, protocol: dict[str, Any]) -> str:
    pretraining_rows = sum(data.manifest["counts"]["metadata"].values())
    return (
        f"Split `{protocol['split']}` ({_SPLITS[protocol['split']]}), seed {protocol['seed']}: "
        f"{protocol['n_train']:,} training, {protocol['n_validation']:,} validation and "
        f"{protocol['n_test']:,} test songs. The pre-training set has {pretraining_rows:,} rows "
        "and contains none of these songs."
    )


def _metrics_table(evaluation: dict[str, Any]) -> str:
    lines = [
        "| configuration | description | MSE | 95 % interval | MAE | R² | Spearman | within 15 |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, measured in (evaluation["baselines"] | evaluation["models"]).items():
        low, high = measured["mse_ci"]
        lines.append(
            f"| {name} | {_DESCRIPTIONS[name]} | {measured['mse']:.1f} | {low:.0f} to {high:.0f} | "
            f"{measured['mae']:.2f} | {measured['r2']:.3f} | {measured['spearman']:.3f} | "
            f"{measured['within_15']:.1%} |"
        )
    return "\n".join(lines)


def _best_model(predictions: pd.DataFrame, evaluation: dict[str, Any], seed: int) -> str:
    """The model or baseline with the lowest MSE, and its gain over the second best."""
    measured = evaluation["baselines"] | evaluation["models"]
    best, second = sorted(measured, key=lambda name: float(measured[name]["mse"]))[:2]
    gain, (low, high) = mse_gain(
        predictions.popularity.to_numpy("float64"),
        predictions[PREDICTED_PREFIX + best].to_numpy("float64"),
        predictions[PREDICTED_PREFIX + second].to_numpy("float64"),
        seed,
    )
    significance = "is significant" if low > 0 else "may be due to chance"
    return (
        f"**Best: {best}.** Its MSE is {gain:.1f} points² lower than that of the second best, "
        f"{second} (95 % interval {low:.1f} to {high:.1f}, paired bootstrap over songs); the "
        f"difference {significance}."
    )


def _intervals(evaluation: dict[str, Any]) -> str:
    lines = [
        "## Prediction intervals\n",
        "Each prediction has an interval with a target coverage of 90 %, calibrated on the "
        "validation songs by split conformal prediction. Its width depends on which fields are "
        "known, on whether the model is shown other songs of the main artist, and on the errors of "
        "songs of similar years and predictions. On the test songs, with all fields known:\n",
        "| model | mean width in points | coverage |",
        "|---|---:|---:|",
    ]
    for name, measured in evaluation["intervals"].items():
        lines.append(f"| {name} | {measured['width']:.1f} | {measured['coverage']:.1%} |")
    return "\n".join(lines)


def _interval_groups(evaluation: dict[str, Any]) -> list[str]:
    """Coverage by decade and by artist, of the models that read metadata; may have no row."""
    lines = [
        f"| {name} | {group} | {measured['n']:,} | {measured['width']:.1f} | "
        f"{measured['coverage']:.1%} |"
        for name in evaluation["missing_fields"]
        for group, measured in evaluation["intervals"][name]["groups"].items()
    ]
    header = [
        f"Coverage by decade and by artist, of groups of {MIN_GROUP_SONGS} test songs or more; the "
        "model is shown other songs of a known main artist:\n",
        "| model | songs | number | mean width in points | coverage |",
        "|---|---|---:|---:|---:|",
    ]
    return ["\n".join([*header, *lines])] if lines else []


def _missing_fields(evaluation: dict[str, Any]) -> str:
    """Metrics with artist, title or year unknown, of the models that read metadata."""
    models = evaluation["missing_fields"]
    header = "".join(f" {name} MSE | mean width | coverage |" for name in models)
    lines = [
        "## With fields missing\n",
        "The same test songs with artist, title or year set to unknown: MSE, mean width of the "
        "prediction intervals in points, and their coverage.\n",
        f"| unknown |{header}",
        f"|---|{'---:|---:|---:|' * len(models)}",
    ]
    for row in zip(*models.values(), strict=True):
        cells = "".join(
            f" {measured['mse']:.1f} | {measured['width']:.1f} | {measured['coverage']:.1%} |"
            for measured in row
        )
        lines.append(f"| {', '.join(row[0]['unknown'])} |{cells}")
    return "\n".join(lines)


def _figure(figure: ReportFigure) -> str:
    image = f"![{figure.title}](figures/{figure.file})"
    return f"## {figure.title}\n\n{image}\n\n{figure.caption}"


def _linkage(data: PreparedData) -> str:
    counts = data.manifest["counts"]
    linked = ", ".join(f"{count:,} {kind}" for kind, count in counts["linkage"].items())
    quarantined = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts["quarantine"].items()
    )
    return (
        "## Data\n\n"
        f"Linkage of spectrograms to tracks by artist and title: {linked} (`linkage.csv`). "
        f"Rejected: {quarantined or 'nothing'} (`quarantine.csv`)."
    )
