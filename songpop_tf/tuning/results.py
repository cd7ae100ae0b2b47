"""What a search found: a table of its trials, and figures of them."""

from pathlib import Path
from typing import Any

import keras_tuner
import pandas as pd
from keras_tuner.engine.trial import Trial, TrialStatus

from pipelines.errors import InputError
from pipelines.files import write_csv
from songpop_tf.training.fit import Console
from songpop_tf.tuning.figures import write_figures
from songpop_tf.tuning.oracles import OBJECTIVE, defaults_of
from songpop_tf.tuning.spaces import EPOCHS

TRIALS = "trials.csv"
_SHOWN = 3
_STATUS = {
    TrialStatus.COMPLETED: "completed",
    TrialStatus.STOPPED: "ended early",
    TrialStatus.FAILED: "failed",
}


def report(
    oracle: keras_tuner.Oracle, folder: Path, console: Console
) -> keras_tuner.HyperParameters:
    """Write the table of all trials and the figures, and say what the best ones are.

    Returns:
        The values of the best trial.

    Raises:
        InputError: no trial was completed.
    """
    best = _completed(oracle)
    table = trials_table(oracle)
    write_csv(folder / TRIALS, table)
    if not best:
        reasons = "; ".join(sorted(set(table.reason)))
        raise InputError(f"{folder}: expected a trial to succeed, but all failed: {reasons}")
    console.say(f"\n{comparison(oracle, best)}")
    if failed := int((table.status == _STATUS[TrialStatus.FAILED]).sum()):
        console.say(f"{failed} of {len(table)} trials failed: see {folder / TRIALS}")
    for title, path in write_figures(oracle, folder / "figures").items():
        console.say(f"{title}: {path}")
    return best[0].hyperparameters


def _completed(oracle: keras_tuner.Oracle) -> list[Trial]:
    """The completed trials, best first."""
    trials = oracle.get_best_trials(len(oracle.trials))
    return [trial for trial in trials if trial.status == TrialStatus.COMPLETED]


def trials_table(oracle: keras_tuner.Oracle) -> pd.DataFrame:
    """One row for each trial: how it went, and its values."""
    rows = []
    for trial_id in sorted(oracle.trials, key=int):
        trial = oracle.trials[trial_id]
        known = trial.metrics.exists(OBJECTIVE.name)
        rows.append(
            {
                "trial": trial_id,
                "status": _STATUS.get(trial.status, "runs"),
                "validation_mse": trial.metrics.get_best_value(OBJECTIVE.name) if known else None,
                "reason": (trial.message or "") if trial.status == TrialStatus.FAILED else "",
                **_values(oracle, trial),
            }
        )
    return pd.DataFrame(rows)


def comparison(oracle: keras_tuner.Oracle, best: list[Trial]) -> str:
    """The best trials beside the defaults, a line for each setting in which they differ."""
    columns: dict[str, dict[str, Any]] = {}
    shown = best[:_SHOWN]
    if not any(_has_defaults(oracle, trial) for trial in shown):
        shown += [trial for trial in oracle.trials.values() if _has_defaults(oracle, trial)]
    for trial in shown:
        known = trial.metrics.exists(OBJECTIVE.name)
        mse = trial.metrics.get_best_value(OBJECTIVE.name) if known else None
        title = f"trial {trial.trial_id}" + (" (defaults)" if _has_defaults(oracle, trial) else "")
        columns[title] = {"validation MSE": mse, **_values(oracle, trial)}
    table = pd.DataFrame(columns)
    differs = table.nunique(axis=1, dropna=False) > 1
    differs["validation MSE"] = True
    return table[differs].map(_readable).to_string()


def _has_defaults(oracle: keras_tuner.Oracle, trial: Trial) -> bool:
    values = trial.hyperparameters.values
    return all(values.get(name) == value for name, value in defaults_of(oracle).items())


def _values(oracle: keras_tuner.Oracle, trial: Trial) -> dict[str, Any]:
    values = trial.hyperparameters.values
    found = {hp.name: values[hp.name] for hp in oracle.hyperparameters.space if hp.name in values}
    return {**found, "epochs": values[EPOCHS]} if EPOCHS in values else found


def _readable(value: Any) -> str:
    if pd.isna(value):
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
