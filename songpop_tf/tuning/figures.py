"""The figures of a search."""

from pathlib import Path

import keras_tuner
import optuna
from keras_tuner.engine.trial import TrialStatus
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.files import write_atomically
from songpop_tf.tuning.optuna_oracle import as_study
from songpop_tf.tuning.oracles import OBJECTIVE

_DPI = 110
_ENOUGH = 4
"""Different results, without which there is nothing to explain."""
_COLOURS = {"completed": "#2a6f97", "ended early": "#9aa5b1", "best": "#e07a5f"}


def write_figures(oracle: keras_tuner.Oracle, folder: Path) -> dict[str, Path]:
    """Draw the history of a search and what its settings matter; paths by title."""
    drawn = {"Optimisation history": optimisation_history(oracle)}
    study = as_study(oracle)
    completed = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len({trial.value for trial in completed}) >= _ENOUGH:
        drawn["Parameter importance"] = parameter_importance(study)
    paths = {}
    for title, figure in drawn.items():
        paths[title] = folder / f"{title.lower().replace(' ', '_')}.png"
        with write_atomically(paths[title]) as temporary:
            figure.savefig(temporary, dpi=_DPI)
    return paths


def optimisation_history(oracle: keras_tuner.Oracle) -> Figure:
    """Validation MSE of each trial, and the best so far."""
    places, scores, ended, lowest = [], [], [], []
    for trial_id in sorted(oracle.trials, key=int):
        trial = oracle.trials[trial_id]
        if not trial.metrics.exists(OBJECTIVE.name):
            continue
        places.append(int(trial_id))
        scores.append(trial.metrics.get_best_value(OBJECTIVE.name))
        ended.append(trial.status == TrialStatus.STOPPED)
        lowest.append(min(scores))
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    for label, which in (("completed", False), ("ended early", True)):
        chosen = [(p, s) for p, s, e in zip(places, scores, ended, strict=True) if e == which]
        if chosen:
            axes.scatter(*zip(*chosen, strict=True), color=_COLOURS[label], label=label)
    axes.step(places, lowest, where="post", color=_COLOURS["best"], label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel("validation MSE in points²")
    axes.set_title("Optimisation history", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return figure


def parameter_importance(study: optuna.Study) -> Figure:
    """How much of the trials' variance each setting explains, by functional ANOVA.

    Hutter, Hoos & Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance,
    2014.
    """
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    importance = optuna.importance.get_param_importances(study, evaluator=evaluator)
    names = list(importance)[::-1]
    figure = Figure(figsize=(8, 0.32 * len(names) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(names, [importance[name] for name in names], color=_COLOURS["completed"])
    axes.set_xlabel("share of the variance that the settings explain")
    count = len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))
    axes.set_title(f"Parameter importance, from {count} trials", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
