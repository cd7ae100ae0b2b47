"""Keras Tuner oracles by the name of their algorithm."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial, TrialStatus
from sklearn.exceptions import ConvergenceWarning

from keras_tuner_optuna import AtomicOracle, OptunaOracle
from pipelines.config import MAX_SEED
from songpop_tf.tuning.search_space import EPOCHS

OBJECTIVE = keras_tuner.Objective("val_loss", "min")
"""The lowest validation MSE of a trial, in points squared."""
ALGORITHMS = ("random", "bayesian", "hyperband", "optuna")
PRUNING_STEPS = 20
"""Steps of a trial at which the pruner compares it to others, whatever its number of epochs."""
_STARTUP_TRIALS = 4
"""Random trials before an algorithm fits its model of the objective."""


@dataclass(frozen=True)
class OracleOptions:
    """Options of `create_oracle`.

    Attributes:
        algorithm: one of `ALGORITHMS`.
        max_trials: includes the trial of the default hyperparameters.
        max_epochs: epochs of Hyperband's longest trials.
        seed: the same seed draws the same hyperparameters.
        storage: SQLite file or database URL of the Optuna study.
        study_name: name of the Optuna study.
        worker: name of this process among those that share the Optuna study.
    """

    algorithm: str
    max_trials: int
    max_epochs: int
    seed: int
    storage: str | Path
    study_name: str
    worker: str


def create_oracle(options: OracleOptions) -> keras_tuner.Oracle:
    """Create the oracle of an algorithm.

    Raises:
        ValueError: unknown algorithm.
    """
    constructors: dict[str, Callable[[OracleOptions], keras_tuner.Oracle]] = {
        "random": _random_search_oracle,
        "bayesian": _bayesian_oracle,
        "hyperband": _hyperband_oracle,
        "optuna": _optuna_oracle,
    }
    if options.algorithm not in constructors:
        raise ValueError(
            f"algorithm: expected one of {', '.join(ALGORITHMS)}, received {options.algorithm}"
        )
    return constructors[options.algorithm](options)


def default_values(oracle: keras_tuner.Oracle) -> dict[str, Any]:
    """The default of each hyperparameter."""
    return {hp.name: hp.default for hp in oracle.hyperparameters.space}


class _ResumableOracle(AtomicOracle):
    """Mixin: the first trial has the default hyperparameters, and a killed search resumes.

    List it before the oracle's class.
    """

    _is_reloaded = False

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw the hyperparameters of a trial; the first trial has the defaults."""
        response: dict[str, Any] = super().populate_space(trial_id)
        if not self.trials and response.get("values"):
            response["values"].update(default_values(self))
        return response

    def create_trial(self, tuner_id: str) -> Trial:
        """Return an interrupted trial, a new one, or one of status STOPPED to end the search."""
        if not self._is_reloaded:
            self._is_reloaded = True
            self._reload_if_saved()
        return super().create_trial(tuner_id)

    def _reload_if_saved(self) -> None:
        """Reload the saved state and queue the interrupted trials.

        A process that is killed between writing a trial's file and the oracle's leaves an oracle
        file that is out of date; the trials' files are right.
        """
        if not os.path.exists(self._get_oracle_fname()):
            return
        self.reload()
        running = [
            trial_id
            for trial_id, trial in self.trials.items()
            if trial.status == TrialStatus.RUNNING
        ]
        self._retry_queue = running
        self.start_order += [name for name in running if name not in self.start_order]
        ended = [name for name in self.start_order if name not in running]
        self.end_order += [name for name in ended if name not in self.end_order]


class _RandomSearchOracle(_ResumableOracle, oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random search."""


class _BayesianOracle(_ResumableOracle, oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Bayesian optimization with a Gaussian process."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw the hyperparameters of a trial; the first trial has the defaults."""
        with warnings.catch_warnings():
            # After few trials the Gaussian process often fails to converge; users cannot help it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


class _HyperbandOracle(_ResumableOracle, oracles.HyperbandOracle):  # type: ignore[misc]
    """Hyperband: many trials of few epochs, the best of which are trained for more."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw the hyperparameters of a trial; the first has the defaults and the most epochs."""
        response = super().populate_space(trial_id)
        if not self.trials and response.get("values"):
            response["values"][EPOCHS] = self.max_epochs
        return response


def _random_search_oracle(options: OracleOptions) -> keras_tuner.Oracle:
    return _RandomSearchOracle(max_trials=options.max_trials, **_common_arguments(options))


def _bayesian_oracle(options: OracleOptions) -> keras_tuner.Oracle:
    return _BayesianOracle(
        max_trials=options.max_trials,
        num_initial_points=_STARTUP_TRIALS,
        **_common_arguments(options),
    )


def _hyperband_oracle(options: OracleOptions) -> keras_tuner.Oracle:
    oracle = _HyperbandOracle(
        max_epochs=options.max_epochs,
        hyperband_iterations=None,  # repeats until max_trials
        **_common_arguments(options),
    )
    oracle.max_trials = options.max_trials
    return oracle


def _optuna_oracle(options: OracleOptions) -> keras_tuner.Oracle:
    return OptunaOracle(
        max_trials=options.max_trials,
        # Optuna's default of ten is too many for a search of a dozen trials.
        sampler_options={"n_startup_trials": _STARTUP_TRIALS},
        pruner=optuna.pruners.MedianPruner(_STARTUP_TRIALS, n_warmup_steps=PRUNING_STEPS // 4),
        storage=options.storage,
        study_name=options.study_name,
        worker=options.worker,
        **_common_arguments(options),
    )


def _common_arguments(options: OracleOptions) -> dict[str, Any]:
    return {
        "objective": OBJECTIVE,
        "seed": options.seed or MAX_SEED,  # Keras Tuner takes 0 for no seed
        # Failed trials never end a search: each is recorded with its reason.
        "max_consecutive_failed_trials": options.max_trials + 1,
    }
