"""Compare the models of a run with each other and with the baselines on the test songs."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.errors import InputError
from pipelines.files import write_csv, write_json
from pipelines.prepared import PreparedData
from pipelines.splits import TEST, TRAIN, VALIDATION
from pipelines.words import PATTERNS, WORDS
from songpop_tf.evaluation.baselines import BASELINES, predict_baselines
from songpop_tf.evaluation.card import EVALUATION, write_card
from songpop_tf.evaluation.figures import write_figures
from songpop_tf.evaluation.metrics import PREDICTED, Vector, metrics, r2
from songpop_tf.evaluation.report import write_report
from songpop_tf.training.conformal import coverage, interval
from songpop_tf.training.fit import Console
from songpop_tf.training.inputs import knowing, predict_patterns, reads_words
from songpop_tf.training.run import Run

PREDICTIONS = "predictions.csv"


def evaluate(data: PreparedData, run: Run, seed: int, console: Console) -> dict[str, Any]:
    """Measure every finished model of a run and write report, figures and model card into it.

    Args:
        seed: of the bootstrap and the baselines.

    Returns:
        What ``evaluation.json`` holds.

    Raises:
        InputError: nothing was trained yet, or on other data.
    """
    run.check_data(data)
    names = run.finished()
    if not names:
        raise InputError(f"{run.directory}: expected trained models, found none")
    test = data.songs_of(TEST)
    total = len(names) + 1
    console.progress("baselines", 0, total)
    predictions: dict[str, Vector] = predict_baselines(
        data.songs_of(TRAIN), data.metadata_of(TRAIN), test, seed
    )
    by_known = {}
    for done, name in enumerate(names, start=1):
        console.progress(f"predicts with {name}", done, total)
        by_known[name] = predict_patterns(name, run.load_model(name), run, data, TEST)
        keras.utils.clear_session(free_memory=True)
    console.progress("evaluated", total, total)
    # The last pattern: everything is known.
    predictions |= {name: found[-1] for name, found in by_known.items()}
    truth = test.popularity.to_numpy("float64")
    measured = {name: metrics(truth, vector, seed) for name, vector in predictions.items()}
    evaluation = {
        "protocol": _protocol(data),
        "baselines": {name: measured[name] for name in BASELINES},
        "models": {name: measured[name] for name in names},
        "intervals": _intervals(run, predictions, test),
        "words_missing": {
            name: _words_missing(name, run, test, by_known[name])
            for name in run.best_by_branch().values()
            if reads_words(name)
        },
    }
    columns = ["song_id", "artist", "title", "year", "popularity"]
    table = pd.concat([test[columns], _predicted_columns(predictions)], axis=1)
    write_csv(run.directory / PREDICTIONS, table)
    figures = write_figures(data, run, table, evaluation, run.directory / "figures")
    write_report(data, run, table, evaluation, figures, seed)
    write_card(data, run, table, evaluation)
    # Last: it tells of which models the card is.
    write_json(run.directory / EVALUATION, evaluation)
    return evaluation


def _predicted_columns(predictions: dict[str, Vector]) -> pd.DataFrame:
    """One column for each configuration; the baseline "year" must not hide the songs' year."""
    return pd.DataFrame(predictions).add_prefix(PREDICTED).round(3)


def _intervals(
    run: Run, predictions: dict[str, Vector], test: pd.DataFrame
) -> dict[str, dict[str, float]]:
    """For each model the points to either side where all is known, and how many songs they hold."""
    truth = test.popularity.to_numpy("float64")
    found = {}
    for name in run.finished():
        widths = run.half_widths_of(name, test)
        within = coverage(truth, *interval(predictions[name], widths))
        found[name] = {"half_width": float(run.half_widths(name)[-1]), "coverage": within}
    return found


def _words_missing(
    name: str, run: Run, test: pd.DataFrame, predicted: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    """How well the test songs are predicted without artist, title, year or several of them."""
    truth = test.popularity.to_numpy("float64")
    found = []
    for known, popularity, points in zip(PATTERNS, predicted, run.half_widths(name), strict=True):
        # A song may miss a word of its own besides.
        widths = run.half_widths_of(name, knowing(test, known))
        found.append(
            {
                "unknown": [word for word in WORDS if word not in known],
                "mse": float(((truth - popularity) ** 2).mean()),
                "r2": r2(truth, popularity),
                "half_width": float(points),
                "coverage": coverage(truth, *interval(popularity, widths)),
            }
        )
    return found[:-1]


def _protocol(data: PreparedData) -> dict[str, Any]:
    split = data.manifest["split"]
    return {
        "split": split["protocol"],
        "seed": split["seed"],
        "n_train": len(data.songs_of(TRAIN)),
        "n_validation": len(data.songs_of(VALIDATION)),
        "n_test": len(data.songs_of(TEST)),
    }
