"""Figures of a search."""

from pathlib import Path

import keras_tuner
import optuna
from keras_tuner.engine.trial import TrialStatus
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_tuner_optuna import to_study
from pipelines.io import write_atomically
from songpop_tf.tuning.oracles import OBJECTIVE

_DPI = 110
_MIN_DISTINCT_SCORES = 4
"""Distinct results of completed trials that an importance analysis needs."""
_COLORS = {"completed": "#2a6f97", "pruned": "#9aa5b1", "best": "#e07a5f"}


def write_figures(oracle: keras_tuner.Oracle, directory: Path) -> dict[str, Path]:
    """Write the optimization history and, after enough trials, the parameter importance.

    Returns:
        The PNG files by the title of the figure.
    """
    figures = {"Optimization history": optimization_history(oracle)}
    study = to_study(oracle)
    if len({trial.value for trial in _completed_trials(study)}) >= _MIN_DISTINCT_SCORES:
        figures["Parameter importance"] = parameter_importance(study)
    paths = {}
    for title, figure in figures.items():
        paths[title] = directory / f"{title.lower().replace(' ', '_')}.png"
        with write_atomically(paths[title]) as temporary:
            figure.savefig(temporary, dpi=_DPI)
    return paths


def optimization_history(oracle: keras_tuner.Oracle) -> Figure:
    """Plot the validation MSE of each trial, and the best so far."""
    numbers, scores, best_scores, pruned = [], [], [], []
    for trial_id in sorted(oracle.trials, key=int):
        trial = oracle.trials[trial_id]
        if not trial.metrics.exists(OBJECTIVE.name):
            continue
        numbers.append(int(trial_id))
        scores.append(trial.metrics.get_best_value(OBJECTIVE.name))
        best_scores.append(min(scores))
        pruned.append(trial.status == TrialStatus.STOPPED)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    for label, is_pruned in (("completed", False), ("pruned", True)):
        rows = [row for row, value in enumerate(pruned) if value == is_pruned]
        if rows:
            x, y = [numbers[row] for row in rows], [scores[row] for row in rows]
            axes.scatter(x, y, color=_COLORS[label], label=label)
    axes.step(numbers, best_scores, where="post", color=_COLORS["best"], label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel("validation MSE in points²")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    _set_title(axes, "Optimization history")
    return figure


def parameter_importance(study: optuna.Study) -> Figure:
    """Plot the share of the objective's variance that each hyperparameter explains (fANOVA).

    Hutter, Hoos & Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance,
    2014.
    """
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    importances = optuna.importance.get_param_importances(study, evaluator=evaluator)
    names = list(importances)[::-1]  # the most important one on top
    figure = Figure(figsize=(8, 0.32 * len(names) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(names, [importances[name] for name in names], color=_COLORS["completed"])
    axes.set_xlabel("share of the variance of the validation MSE")
    _set_title(axes, f"Parameter importance in {len(_completed_trials(study))} trials")
    return figure


def _completed_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _set_title(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
