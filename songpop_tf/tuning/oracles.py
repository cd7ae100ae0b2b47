"""Where a search's next values come from, by name."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial, TrialStatus
from sklearn.exceptions import ConvergenceWarning

from songpop_tf.config import LARGEST_SEED
from songpop_tf.tuning.optuna_oracle import AtomicOracle, OptunaOracle
from songpop_tf.tuning.spaces import EPOCHS

OBJECTIVE = keras_tuner.Objective("val_loss", "min")
"""The smallest validation MSE of the judged stage, in points squared."""
ALGORITHMS = ("random", "bayesian", "hyperband", "optuna")
STEPS = 20
"""Into how many parts a training is divided to compare trials of different length."""
_RANDOM_FIRST = 4


class _SingleOracle(AtomicOracle):
    """One of Keras Tuner's oracles: begins with the defaults, and takes a killed search up again.

    Put it before the oracle's class.
    """

    _started = False

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for a trial; the first one has the defaults."""
        response: dict[str, Any] = super().populate_space(trial_id)
        if not self.trials and response.get("values"):
            response["values"].update(defaults_of(self))
        return response

    def create_trial(self, tuner_id: str) -> Trial:
        """Hand out a trial: one to run again, a new one, or one of status STOPPED at the end."""
        if not self._started:
            self._started = True
            self._take_up()
        return super().create_trial(tuner_id)

    def _take_up(self) -> None:
        if not os.path.exists(self._get_oracle_fname()):
            return
        self.reload()
        # A kill between a trial's file and the oracle's: the latter does not know how it stands.
        runs = [name for name, one in self.trials.items() if one.status == TrialStatus.RUNNING]
        self._retry_queue = runs
        self.start_order += [name for name in runs if name not in self.start_order]
        over = [name for name in self.start_order if name not in runs]
        self.end_order += [name for name in over if name not in self.end_order]


class _Random(_SingleOracle, oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random values."""


class _Bayesian(_SingleOracle, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Values where a Gaussian process hopes for most."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for a trial; the first one has the defaults."""
        with warnings.catch_warnings():
            # With few trials the process is often unsure, and nobody could do anything about it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


class _Hyperband(_SingleOracle, oracles.HyperbandOracle):  # type: ignore[misc]
    """Many trials of few epochs, and the best of them with more."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for a trial; the first one has the defaults, and is as long as the longest."""
        response = super().populate_space(trial_id)
        if not self.trials and response.get("values"):
            response["values"][EPOCHS] = self.max_epochs
        return response


def defaults_of(oracle: keras_tuner.Oracle) -> dict[str, Any]:
    """The default of every hyperparameter."""
    return {hp.name: hp.default for hp in oracle.hyperparameters.space}


def oracle_of(
    algorithm: str,
    trials: int,
    epochs: int,
    seed: int,
    storage: str | Path,
    study: str,
    worker: str,
) -> keras_tuner.Oracle:
    """The oracle of an algorithm.

    Args:
        algorithm: one of :data:`ALGORITHMS`.
        trials: how many at most, the defaults included.
        epochs: of Hyperband's longest trials.
        seed: same seed, same values.
        storage: of the Optuna study, a SQLite file or a database URL.
        study: the study's name.
        worker: name of this process among those that share the study.

    Raises:
        ValueError: there is no such algorithm.
    """
    common = {
        "objective": OBJECTIVE,
        "seed": seed or LARGEST_SEED,  # Keras Tuner takes 0 for none
        # Broken trials end no search: each is recorded with its reason.
        "max_consecutive_failed_trials": trials + 1,
    }
    makers: dict[str, Callable[[], keras_tuner.Oracle]] = {
        "random": lambda: _Random(max_trials=trials, **common),
        "bayesian": lambda: _Bayesian(
            max_trials=trials, num_initial_points=_RANDOM_FIRST, **common
        ),
        "hyperband": lambda: _hyperband(trials, epochs, common),
        "optuna": lambda: OptunaOracle(
            max_trials=trials,
            # Optuna's own ten are too many for a search of a dozen trials.
            sampler_options={"n_startup_trials": _RANDOM_FIRST},
            pruner=optuna.pruners.MedianPruner(_RANDOM_FIRST, n_warmup_steps=STEPS // 4),
            storage=storage,
            study_name=study,
            worker=worker,
            **common,
        ),
    }
    if algorithm not in makers:
        raise ValueError(f"expected one of {', '.join(ALGORITHMS)}; received {algorithm}")
    return makers[algorithm]()


def _hyperband(trials: int, epochs: int, common: dict[str, Any]) -> keras_tuner.Oracle:
    oracle = _Hyperband(max_epochs=epochs, hyperband_iterations=None, **common)
    oracle.max_trials = trials  # it goes round until then
    return oracle
