"""The model card: what a run's best model is, how well it does for whom, and what it cannot do."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.files import read_json, write_atomically
from pipelines.prepared import PreparedData
from pipelines.splits import TRAIN
from pipelines.years import UNKNOWN_YEAR
from songpop_tf.evaluation.metrics import PREDICTED
from songpop_tf.scale import NEAR
from songpop_tf.training.run import Run

CARD, EVALUATION = "model_card.md", "evaluation.json"
_BANDS = (0, 20, 40, 60, 80, 101)

_ASKED = {
    "text": "artist, title and year",
    "cnn": "the spectrogram alone",
    "combined": "spectrogram, artist, title and year",
}

_LIMITS = """## Known limits

- Popularity is a snapshot: Spotify counts recent plays, so the same song scores otherwise next
  year, and new songs score higher than they will keep.
- Both ends are drawn to the middle: very popular songs are predicted too low, forgotten ones too
  high (the table by popularity shows how far).
- Songs of artists who do not stand in the training set are predicted from year, name, title and
  sound alone; a split by artist (`prepare --split artist`) measures how well.
- Catalogues and charts hold what sold in their market. Songs that never charted, other languages
  and other countries may be rare in this one, and its errors on them unknown.
- The interval holds for songs like the validation songs; songs of later years are not like them.
- What the model says is no judgement of a song and no advice on whom to pay."""


def write_card(
    data: PreparedData, run: Run, predictions: pd.DataFrame, evaluation: dict[str, Any]
) -> None:
    """Write ``model_card.md`` into the run.

    Args:
        predictions: the test songs with one column for each model.
        evaluation: as in ``evaluation.json``.
    """
    models = evaluation["models"]
    best = min(run.best_by_branch().values(), key=lambda name: float(models[name]["mse"]))
    card = describe(best, _about(data, run, evaluation, best), predictions)
    with write_atomically(run.directory / CARD) as temporary:
        temporary.write_text(card)


def card_of(run: Run) -> Path | None:
    """The card in the run; None where there is none of the models that answer now."""
    card, evaluation = run.directory / CARD, run.directory / EVALUATION
    if not (card.is_file() and evaluation.is_file()):
        return None
    measured = read_json(evaluation)["models"]
    return card if set(measured).issuperset(run.best_by_branch().values()) else None


def describe(name: str, about: str, predictions: pd.DataFrame) -> str:
    """The card of one model.

    Args:
        name: of the model.
        about: what it is, how it was made and how well it does, in Markdown.
        predictions: test songs with the columns year, popularity and the model's own.
    """
    found = predictions.assign(error=predictions[PREDICTED + name] - predictions.popularity)
    decade = np.where(found.year == UNKNOWN_YEAR, "unknown", found.year // 10 * 10)
    band = pd.cut(found.popularity, _BANDS, right=False, labels=_band_names())
    parts = [
        f"# Model card: {name}",
        about,
        "## By decade\n\n" + _groups(found, pd.Series(decade, found.index), "decade"),
        "## By true popularity\n\n" + _groups(found, band, "popularity"),
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _about(data: PreparedData, run: Run, evaluation: dict[str, Any], best: str) -> str:
    protocol, measured = evaluation["protocol"], evaluation["models"][best]
    songs = data.songs_of(TRAIN)
    dated = songs.year[songs.year != UNKNOWN_YEAR]
    years = f"{dated.min()}-{dated.max()}" if len(dated) else "unknown years"
    pretrained = {"text", "combined"}.intersection(run.best_by_branch().values())
    large = f", and {len(data.metadata_of(TRAIN)):,} rows of a large table of tracks"
    low, high = measured["mse_ci"]
    points = ", ".join(
        f"{evaluation['intervals'][name]['half_width']:.0f} for {name}"
        for name in run.best_by_branch().values()
    )
    return (
        "Predicts Spotify popularity (0-100) of a song from its spectrogram, artist, title and "
        f"year, or from what is known of them. Made with songpop_tf; seed {run.config().seed}, all "
        "settings in `config.toml`.\n\n"
        f"- **Trained on** {protocol['n_train']:,} songs of {years} with a spectrogram"
        f"{large if pretrained else ''}.\n"
        f"- **Measured on** {protocol['n_test']:,} songs held out by `{protocol['split']}`, split "
        f"seed {protocol['seed']}: MSE {measured['mse']:.1f} ({low:.0f} to {high:.0f}), R² "
        f"{measured['r2']:.3f}, {measured['within_15']:.0%} within {NEAR:.0f} points.\n"
        "- **How sure**: an interval is to hold 90 % of songs. Points to either side where all is "
        f"known: {points}; held of the test songs: "
        f"{evaluation['intervals'][best]['coverage']:.0%} ({best}).\n\n"
        "## Who answers\n\n" + _answering(run, evaluation)
    )


def _answering(run: Run, evaluation: dict[str, Any]) -> str:
    """The model that answers for what is known of a song, and how well."""
    lines = ["| known of a song | model | MSE | R² |", "|---|---|---:|---:|"]
    for branch, name in run.best_by_branch().items():
        one = evaluation["models"][name]
        lines.append(f"| {_ASKED[branch]} | {name} | {one['mse']:.1f} | {one['r2']:.3f} |")
        for missing in evaluation["words_missing"].get(name, [])[1:]:
            what = f"{_ASKED[branch]}, without {' and '.join(missing['unknown'])}"
            lines.append(f"| {what} | {name} | {missing['mse']:.1f} | {missing['r2']:.3f} |")
    return "\n".join(lines)


def _band_names() -> list[str]:
    return [f"{low}-{high - 1}" for low, high in pairwise(_BANDS)]


def _groups(found: pd.DataFrame, groups: "pd.Series[Any]", name: str) -> str:
    """A table of the errors of each group; bias = predicted less true."""
    lines = [
        f"| {name} | songs | MAE | bias | within {NEAR:.0f} |",
        "|---|---:|---:|---:|---:|",
    ]
    for group, rows in found.groupby(groups.to_numpy()):
        off = rows.error.abs()
        lines.append(
            f"| {group} | {len(rows)} | {off.mean():.1f} | {rows.error.mean():+.1f} | "
            f"{(off <= NEAR).mean():.0%} |"
        )
    return "\n".join(lines)
