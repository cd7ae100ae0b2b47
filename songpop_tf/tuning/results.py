"""Results of a search: a table of its trials, and the best ones compared with the defaults."""

from pathlib import Path
from typing import Any

import keras_tuner
import pandas as pd
from keras_tuner.engine.trial import Trial, TrialStatus

from pipelines.errors import InputError
from pipelines.io import write_csv
from songpop_tf.console import Console
from songpop_tf.tuning.oracles import OBJECTIVE, default_values
from songpop_tf.tuning.plots import write_figures
from songpop_tf.tuning.search_space import EPOCHS

TRIALS_FILE = "trials.csv"
_MAX_COMPARED = 3
_STATUS = {
    TrialStatus.COMPLETED: "completed",
    TrialStatus.STOPPED: "pruned",
    TrialStatus.FAILED: "failed",
}


def write_results(
    oracle: keras_tuner.Oracle, directory: Path, console: Console
) -> keras_tuner.HyperParameters:
    """Write the table of all trials and the figures, and print the best trials.

    Returns:
        The hyperparameters of the best trial.

    Raises:
        InputError: no trial was completed.
    """
    completed = _completed_trials(oracle)
    table = trials_table(oracle)
    write_csv(directory / TRIALS_FILE, table)
    if not completed:
        counts = ", ".join(f"{count} {name}" for name, count in table.status.value_counts().items())
        reasons = "; ".join(sorted(set(table.reason) - {""}))
        raise InputError(
            f"{directory}: expected a completed trial, received {counts or 'no trial'}"
            + (f": {reasons}" if reasons else "")
        )
    console.print(f"\n{comparison(oracle, completed)}")
    if failures := int((table.status == _STATUS[TrialStatus.FAILED]).sum()):
        console.print(f"{failures} of {len(table)} trials failed: see {directory / TRIALS_FILE}")
    for title, path in write_figures(oracle, directory / "figures").items():
        console.print(f"{title}: {path}")
    return completed[0].hyperparameters


def trials_table(oracle: keras_tuner.Oracle) -> pd.DataFrame:
    """One row for each trial: its status, validation MSE and hyperparameters."""
    rows = []
    for trial_id in sorted(oracle.trials, key=int):
        trial = oracle.trials[trial_id]
        rows.append(
            {
                "trial": trial_id,
                "status": _STATUS.get(trial.status, "running"),
                "validation_mse": _validation_mse(trial),
                "reason": (trial.message or "") if trial.status == TrialStatus.FAILED else "",
                **_hyperparameter_values(oracle, trial),
            }
        )
    return pd.DataFrame(rows)


def comparison(oracle: keras_tuner.Oracle, completed: list[Trial]) -> str:
    """A text table of the best trials and the defaults.

    Args:
        oracle: holds all trials.
        completed: the completed trials, best first.

    Returns:
        A column for each trial, a row for each hyperparameter in which they differ.
    """
    trials = completed[:_MAX_COMPARED]
    if not any(_has_defaults(oracle, trial) for trial in trials):
        trials += [trial for trial in oracle.trials.values() if _has_defaults(oracle, trial)]
    columns: dict[str, dict[str, Any]] = {}
    for trial in trials:
        suffix = " (defaults)" if _has_defaults(oracle, trial) else ""
        columns[f"trial {trial.trial_id}{suffix}"] = {
            "validation MSE": _validation_mse(trial),
            **_hyperparameter_values(oracle, trial),
        }
    table = pd.DataFrame(columns)
    differs = table.nunique(axis=1, dropna=False) > 1
    differs["validation MSE"] = True
    return table[differs].map(_format_value).to_string()


def _completed_trials(oracle: keras_tuner.Oracle) -> list[Trial]:
    """The completed trials, best first."""
    trials = oracle.get_best_trials(len(oracle.trials))
    return [trial for trial in trials if trial.status == TrialStatus.COMPLETED]


def _validation_mse(trial: Trial) -> float | None:
    if not trial.metrics.exists(OBJECTIVE.name):
        return None
    mse: float = trial.metrics.get_best_value(OBJECTIVE.name)
    return mse


def _has_defaults(oracle: keras_tuner.Oracle, trial: Trial) -> bool:
    values = trial.hyperparameters.values
    return all(values.get(name) == value for name, value in default_values(oracle).items())


def _hyperparameter_values(oracle: keras_tuner.Oracle, trial: Trial) -> dict[str, Any]:
    """The trial's hyperparameters by name; "epochs" if the oracle sets them."""
    values = trial.hyperparameters.values
    names = [hp.name for hp in oracle.hyperparameters.space if hp.name in values]
    searched = {name: values[name] for name in names}
    return {**searched, "epochs": values[EPOCHS]} if EPOCHS in values else searched


def _format_value(value: Any) -> str:
    if pd.isna(value):
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
