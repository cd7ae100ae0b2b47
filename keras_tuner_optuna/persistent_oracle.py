"""`PersistentOracle`: saves trials in the study and in Keras Tuner's files, and resumes from them.

With a shared storage the study is authoritative and Keras Tuner's files follow it. Without one the
study is in memory, and is rebuilt from Keras Tuner's files.
"""

import os
import platform
import random
from typing import Any, TextIO

import optuna
from keras_tuner.engine.trial import Trial

from .atomic_oracle import AtomicOracle
from .distributions import to_params
from .local_files import lock_worker_name
from .trial_store import TrialStore


class PersistentOracle(AtomicOracle):
    """Base class of an oracle whose trials are stored in a study.

    The subclass creates `_store`, draws the trials and ends them.

    Args:
        worker: name of this oracle among those that share the study; None for a name composed of
            host, project directory and KERASTUNER_TUNER_ID.
        **kwargs: arguments of `keras_tuner.Oracle`.
    """

    trials: dict[str, Trial]
    ongoing_trials: dict[str, Trial]
    end_order: list[str]
    _store: TrialStore

    def __init__(self, worker: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._worker = worker
        self._numbers: dict[str, int] = {}  # trial id -> number in the study
        self._open_trials: dict[str, optuna.Trial] = {}  # this worker's unfinished trials, by id
        self._finished_numbers: set[int] = set()  # finished trials that have been loaded
        self._started = self._reseeded = False
        self._name_lock: TextIO | None = None

    @property
    def worker(self) -> str:
        """Name of this oracle among those that share the study."""
        tuner = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
        return self._worker or f"{platform.node()}:{os.path.abspath(self._project_dir)}:{tuner}"

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the best trials of the whole study, in Keras Tuner's order."""
        self._pull()
        best: list[Trial] = super().get_best_trials(num_trials)
        return best

    def remaining_trials(self) -> int | None:
        """Return how many trials of the whole study remain, or None without a limit."""
        self._pull()
        remaining: int | None = super().remaining_trials()
        return remaining

    def get_state(self) -> dict[str, Any]:
        """Return Keras Tuner's state plus the study's name and the trials' numbers."""
        return {**super().get_state(), "study": self._store.name, "numbers": self._numbers}

    def set_state(self, state: dict[str, Any]) -> None:
        """Resume from a state; `trials` must be loaded.

        Hyperparameters that are new since the state was saved are kept. With a storage, the study
        overrides the state.

        Raises:
            ValueError: the state belongs to another study.
            RuntimeError: another process uses this oracle's worker name.
        """
        if state["study"] != self._store.name:
            raise ValueError(
                f"{self._project_dir}: expected a project of study {self._store.name}, "
                f"received one of study {state['study']}"
            )
        space = self.hyperparameters
        # `_resume` finds the running trials itself: another process may just have created one.
        super().set_state({**state, "ongoing_trials": {}})
        self.hyperparameters.merge(space, overwrite=False)
        self._numbers = state["numbers"]
        self._resume()

    def save(self) -> None:
        """Write the oracle's state to the project directory."""
        self._ensure_started()
        super().save()

    def _save_trial(self, trial: Trial) -> None:
        if trial.trial_id in self._open_trials:  # first, so that the files are never ahead of it
            self._save_to_store(trial)
        super()._save_trial(trial)

    def _record_values(self, trial: Trial) -> None:
        """Add a trial's values to those already tried.

        Replaces Keras Tuner's method, which draws a new value for a name that exists under several
        conditions, and adds inactive hyperparameters: the model would differ from the study's
        record.
        """
        hps = trial.hyperparameters
        names = {hp.name for hp in hps.space}
        hps.values = {
            name: value
            for name, value in hps.values.items()
            if name not in names or hps.is_active(name)
        }
        for hp in hps.space:
            if hps.is_active(hp):
                hps.values.setdefault(hp.name, hp.default)
        self._tried_so_far.discard(self._id_to_hash[trial.trial_id])
        self._id_to_hash[trial.trial_id] = self._compute_values_hash(hps.values)
        self._tried_so_far.add(self._id_to_hash[trial.trial_id])

    def _save_to_store(self, trial: Trial) -> None:
        optuna_trial = self._open_trials[trial.trial_id]
        if self._store.save_trial(optuna_trial, trial, self.objective.name):
            del self._open_trials[trial.trial_id]
            self._finished_numbers.add(optuna_trial.number)

    def _ensure_started(self) -> None:
        """Resume an earlier process's search, even one whose tuner was never saved."""
        if not self._started and os.path.exists(self._get_oracle_fname()):
            self.reload()
        elif not self._started:
            self._resume()

    def _resume(self) -> None:
        if self._store.shared:
            self._resume_shared_study()
        else:
            self._rebuild_study()
        for trial in self.trials.values():
            self._record_values(trial)
        self.ongoing_trials = {}
        self.end_order = [trial_id for trial_id in self.end_order if trial_id in self.trials]
        self._retry_queue = list(self._open_trials)
        self._started = True

    def _resume_shared_study(self) -> None:
        self._name_lock = self._name_lock or lock_worker_name(self._project_dir, self.worker)
        self.trials, self._finished_numbers, self._open_trials = {}, set(), {}
        self._pull()
        self._store.reject_orphans()
        self._open_trials = self._store.reopen_trials(self.worker)
        # A kill between the two writes of `TrialStore.save_trial`: the trial's saved state has
        # ended, Optuna's trial still runs. Saving it again finishes it.
        for trial_id in list(self._open_trials):
            self._save_to_store(self.trials[trial_id])

    def _pull(self) -> None:
        """Load the trials that other processes, or earlier ones, have saved in the study."""
        if not self._store.shared:
            return
        for frozen, trial in self._store.load_trials(exclude=self._finished_numbers):
            if trial.trial_id in self._open_trials:
                continue
            self.trials[trial.trial_id] = trial
            self._numbers[trial.trial_id] = frozen.number
            self._record_values(trial)
            self._reseed_once()
            if frozen.state.is_finished():
                self._finished_numbers.add(frozen.number)
                if self.tune_new_entries:
                    self.hyperparameters.merge(trial.hyperparameters, overwrite=False)

    def _reseed_once(self) -> None:
        """Change the seed: another process has already drawn the first values of the given one."""
        if not self._reseeded:
            self._reseeded = True
            self._store.study.sampler.reseed_rng()
            self._seed_state = random.randrange(2**31)

    def _rebuild_study(self) -> None:
        """Fill a new in-memory study with the trials loaded from files, under their numbers."""
        self._open_trials = {}
        self._store.open_study()
        ids = {
            self._numbers.setdefault(trial_id, int(trial_id)): trial_id for trial_id in self.trials
        }
        for number in range(max(ids, default=-1) + 1):
            trial = self.trials[ids[number]] if number in ids else None
            values = trial.hyperparameters.values if trial else {}
            params, distributions = to_params(self.hyperparameters.space, values)
            optuna_trial = self._store.restore_trial(
                trial, params, distributions, self.objective.name
            )
            if optuna_trial is not None:
                self._open_trials[ids[number]] = optuna_trial
            self._reseed_once()
