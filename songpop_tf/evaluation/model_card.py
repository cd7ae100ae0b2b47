"""The model card: what the best model of a run is, its errors by group, and its limits.

After Mitchell et al., Model Cards for Model Reporting, 2019.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.constants import UNKNOWN_YEAR
from pipelines.file_errors import reading
from pipelines.io import read_json, write_atomically
from pipelines.prepared_data import PreparedData
from pipelines.splits import TRAIN
from songpop_tf.constants import MODEL_CARD_FILE, WITHIN_POINTS
from songpop_tf.evaluation.metrics import PREDICTED_PREFIX
from songpop_tf.training.run import Run

EVALUATION_FILE = "evaluation.json"

_POPULARITY_BINS = (0, 20, 40, 60, 80, 101)
_INPUTS = {
    "text": "artist, title and year",
    "cnn": "spectrogram",
    "combined": "spectrogram, artist, title and year",
}
"""Inputs of each branch."""
_LIMITS = """## Known limits

- Popularity is a snapshot: Spotify counts recent plays, so the popularity of a song changes from
  year to year, and new songs score higher than they will later.
- Predictions regress to the mean: very popular songs are predicted too low, unpopular ones too high
  (see the bias in the table by true popularity).
- Of artists that are not in the training data no other song is known; a split by artist
  (`prepare --split artist`) measures the error on their songs.
- Catalogs and charts contain what sold in their market. Songs that never charted, other languages
  and other countries may be rare in the training data; the errors on them are unknown.
- The prediction intervals are valid for songs from the distribution of the validation songs, not
  for songs of later years.
- A prediction is no judgment of a song and no advice on whom to pay."""


def write_model_card(
    data: PreparedData, run: Run, predictions: pd.DataFrame, evaluation: dict[str, Any]
) -> None:
    """Write ``model_card.md`` into the run.

    Args:
        data: the data that the run was trained on.
        run: an evaluated run.
        predictions: the test songs with one column for each baseline and model.
        evaluation: content of ``evaluation.json``.
    """
    models = evaluation["models"]
    names = [configuration.name for configuration in run.best_by_branch().values()]
    best = min(names, key=lambda name: float(models[name]["mse"]))
    card = render_model_card(best, _summary(data, run, evaluation, best), predictions)
    with write_atomically(run.directory / MODEL_CARD_FILE) as temporary:
        temporary.write_text(card, encoding="utf-8")


def current_model_card(run: Run) -> Path | None:
    """The run's model card; None if it has none that covers all models used for prediction."""
    card, evaluation = run.directory / MODEL_CARD_FILE, run.directory / EVALUATION_FILE
    if not (card.is_file() and evaluation.is_file()):
        return None
    with reading(evaluation, "an evaluation (run `songpop-tf evaluate` again)"):
        evaluated = set(read_json(evaluation)["models"])
    is_current = all(
        configuration.name in evaluated for configuration in run.best_by_branch().values()
    )
    return card if is_current else None


def render_model_card(
    name: str, summary: str, predictions: pd.DataFrame, license_id: str | None = None
) -> str:
    """Render the model card of one model as Markdown, with Hugging Face's YAML front matter.

    Args:
        name: of the model.
        summary: what the model is, its training data and its metrics, in Markdown.
        predictions: test songs with the columns year, popularity and ``predicted_<name>``.
        license_id: Hugging Face's identifier; None if the owner of the training data decides.
    """
    songs = predictions.assign(error=predictions[PREDICTED_PREFIX + name] - predictions.popularity)
    decade = np.where(songs.year == UNKNOWN_YEAR, "unknown", songs.year // 10 * 10)
    labels = [f"{low}-{high - 1}" for low, high in pairwise(_POPULARITY_BINS)]
    popularity = pd.cut(songs.popularity, _POPULARITY_BINS, right=False, labels=labels)
    sections = [
        f"# Model card: {name}",
        summary,
        "## By decade\n\n" + _error_table(songs, pd.Series(decade, songs.index), "decade"),
        "## By true popularity\n\n" + _error_table(songs, popularity, "popularity"),
        _LIMITS,
    ]
    return _front_matter(name, songs, license_id) + "\n\n".join(sections) + "\n"


def _front_matter(name: str, songs: pd.DataFrame, license_id: str | None) -> str:
    """What Hugging Face indexes, https://huggingface.co/docs/hub/model-cards#model-card-metadata.

    Args:
        name: of the model.
        songs: test songs with the columns popularity and error.
        license_id: as of `render_model_card`.
    """
    variance = ((songs.popularity - songs.popularity.mean()) ** 2).mean()
    mse = (songs.error**2).mean()
    values = {
        "mse": mse,
        "mae": songs.error.abs().mean(),
        "r_squared": 1 - mse / variance,
        "within_15": (songs.error.abs() <= WITHIN_POINTS).mean(),
    }
    metrics = [{"type": metric, "value": round(value, 3)} for metric, value in values.items()]
    task = "tabular-regression"
    result = {
        "task": {"type": task, "name": "Spotify popularity, 0-100"},
        "dataset": {"type": "held-out-songs", "name": f"{len(songs):,} held-out songs"},
        "metrics": metrics,
    }
    fields = {
        "library_name": "keras",
        **({"license": license_id} if license_id else {}),
        "pipeline_tag": task,
        "tags": ["keras", "music", "popularity-prediction"],
        "metrics": ["mse", "mae", "r_squared"],
        "model-index": [{"name": f"songpop-tf {name}", "results": [result]}],
    }
    # JSON is YAML.
    lines = [f"{field}: {json.dumps(value)}" for field, value in fields.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _summary(data: PreparedData, run: Run, evaluation: dict[str, Any], best: str) -> str:
    protocol, measured = evaluation["protocol"], evaluation["models"][best]
    low, high = measured["mse_ci"]
    widths = ", ".join(
        f"{evaluation['intervals'][configuration.name]['width']:.0f} for {configuration}"
        for configuration in run.best_by_branch().values()
    )
    return (
        f"Predicts the Spotify popularity (0-100) of a song from {_inputs(run)}. Trained with "
        f"songpop_tf, seed {run.config().seed}; all settings are in `config.toml`.\n\n"
        f"- **Training data**: {_training_data(data, run, evaluation)}.\n"
        f"- **Test data**: {protocol['n_test']:,} held-out songs, split `{protocol['split']}` with "
        f"seed {protocol['seed']}.\n"
        f"- **Metrics** of {best}: MSE {measured['mse']:.1f} (95 % interval {low:.0f} to "
        f"{high:.0f}), R² {measured['r2']:.3f}, {measured['within_15']:.0%} of the songs within "
        f"{WITHIN_POINTS:.0f} points.\n"
        "- **Prediction intervals**: target coverage 90 %. Mean widths in points on the test "
        f"songs with all fields known: {widths}. Coverage: "
        f"{evaluation['intervals'][best]['coverage']:.0%} ({best}).\n\n"
        "## Which model predicts\n\n" + _models_table(run, evaluation)
    )


def _inputs(run: Run) -> str:
    """All inputs that the models of the run read."""
    branches = run.best_by_branch()
    if "combined" in branches or {"text", "cnn"} <= set(branches):
        return "its spectrogram, artist, title and year, or from those of them that are known"
    if "text" in branches:
        return "its artist, title and year, or from those of them that are known"
    return "its spectrogram"


def _training_data(data: PreparedData, run: Run, evaluation: dict[str, Any]) -> str:
    year = data.songs_of(TRAIN).year
    known = year[year != UNKNOWN_YEAR]
    years = f"{known.min()}-{known.max()}" if len(known) else "unknown years"
    songs = f"{evaluation['protocol']['n_train']:,} songs of {years} with a spectrogram"
    if any(
        configuration.pretrained and configuration.reads_metadata
        for configuration in run.best_by_branch().values()
    ):
        return f"{songs}, and a pre-training set of {len(data.metadata_of(TRAIN)):,} tracks"
    return songs


def _models_table(run: Run, evaluation: dict[str, Any]) -> str:
    """The model that predicts from each set of inputs, with its metrics."""
    lines = ["| known inputs | model | MSE | R² |", "|---|---|---:|---:|"]
    for branch, configuration in run.best_by_branch().items():
        name, inputs = configuration.name, _INPUTS[branch]
        measured = evaluation["models"][name]
        lines.append(f"| {inputs} | {name} | {measured['mse']:.1f} | {measured['r2']:.3f} |")
        # The first entry is that of no known field.
        for missing in evaluation["missing_fields"].get(name, [])[1:]:
            known = f"{inputs}, without {' and '.join(missing['unknown'])}"
            lines.append(f"| {known} | {name} | {missing['mse']:.1f} | {missing['r2']:.3f} |")
    return "\n".join(lines)


def _error_table(songs: pd.DataFrame, groups: "pd.Series[Any]", name: str) -> str:
    """Errors by group as a Markdown table; bias is the mean of prediction - truth."""
    lines = [
        f"| {name} | songs | MAE | bias | within {WITHIN_POINTS:.0f} |",
        "|---|---:|---:|---:|---:|",
    ]
    for group, rows in songs.groupby(groups.to_numpy()):
        absolute = rows.error.abs()
        lines.append(
            f"| {group} | {len(rows)} | {absolute.mean():.1f} | {rows.error.mean():+.1f} | "
            f"{(absolute <= WITHIN_POINTS).mean():.0%} |"
        )
    return "\n".join(lines)
