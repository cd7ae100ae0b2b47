"""What an oracle keeps, in the study and in Keras Tuner's files, and how it takes it up again."""

import os
import platform
import random
from typing import Any, TextIO

import optuna
from keras_tuner.engine.trial import Trial

from .atomic import AtomicOracle
from .files import held_name
from .space import as_params
from .study import TrialStudy


class KeepingOracle(AtomicOracle):
    """An oracle whose trials a study keeps; what draws and ends them is the subclass's.

    Args:
        worker: name of this oracle among those that share the study, or None for one made of host,
            project directory and KERASTUNER_TUNER_ID.
        **kwargs: as for `keras_tuner.Oracle`.
    """

    trials: dict[str, Trial]
    ongoing_trials: dict[str, Trial]
    end_order: list[str]
    _book: TrialStudy

    def __init__(self, worker: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._worker = worker
        self._numbers: dict[str, int] = {}  # of the trials in the study, by their ids
        self._asked: dict[str, optuna.Trial] = {}  # those of ours that are not over
        self._settled: set[int] = set()  # numbers of those that are over, and known here
        self._started = self._reseeded = False
        self._name: TextIO | None = None

    @property
    def worker(self) -> str:
        """Name of this oracle among those that share the study."""
        tuner = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
        return self._worker or f"{platform.node()}:{os.path.abspath(self._project_dir)}:{tuner}"

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best trials of the whole study, as Keras Tuner sorts them."""
        self._pull()
        best: list[Trial] = super().get_best_trials(num_trials)
        return best

    def remaining_trials(self) -> int | None:
        """How many trials the whole study still lacks, or None without a limit."""
        self._pull()
        remaining: int | None = super().remaining_trials()
        return remaining

    def get_state(self) -> dict[str, Any]:
        """Keras Tuner's state, with the study's name and the trials' numbers in it."""
        return {**super().get_state(), "study": self._book.name, "numbers": self._numbers}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes up the search of a state, which the trials read before belong to.

        Hyperparameters that are new since then are kept. With a storage, the study overrules it.

        Raises:
            ValueError: if it is another study's.
            RuntimeError: if another process bears this oracle's name.
        """
        if state["study"] != self._book.name:
            received = f"received one of study {state['study']} in {self._project_dir}"
            raise ValueError(f"expected a project of study {self._book.name}, {received}")
        space = self.hyperparameters
        # What goes on is found by other means, and another process may just have begun a trial.
        super().set_state({**state, "ongoing_trials": {}})
        self.hyperparameters.merge(space, overwrite=False)
        self._numbers = state["numbers"]
        self._resume()

    def save(self) -> None:
        """Writes the state to the project directory."""
        self._start()
        super().save()

    def _save_trial(self, trial: Trial) -> None:
        if trial.trial_id in self._asked:  # the study first: files are never ahead of it
            self._keep(trial)
        super()._save_trial(trial)

    def _record_values(self, trial: Trial) -> None:
        """Notes a trial's values as tried.

        Keras Tuner's own draws a value anew if its name stands under other conditions too, and
        inactive ones come later: the model would be another than the study has been told.
        """
        hps = trial.hyperparameters
        names = {hp.name for hp in hps.space}
        known = hps.values.items()
        hps.values = {n: value for n, value in known if n not in names or hps.is_active(n)}
        for hp in hps.space:
            if hps.is_active(hp):
                hps.values.setdefault(hp.name, hp.default)
        self._tried_so_far.discard(self._id_to_hash[trial.trial_id])
        self._id_to_hash[trial.trial_id] = self._compute_values_hash(hps.values)
        self._tried_so_far.add(self._id_to_hash[trial.trial_id])

    def _keep(self, trial: Trial) -> None:
        if self._book.keep(self._asked[trial.trial_id], trial, self.objective.name):
            self._settled.add(self._asked.pop(trial.trial_id).number)

    def _start(self) -> None:
        """Takes up what an earlier process left, even if its tuner had not been saved yet."""
        if not self._started and os.path.exists(self._get_oracle_fname()):
            self.reload()
        elif not self._started:
            self._resume()

    def _resume(self) -> None:
        if self._book.shared:
            self._name = self._name or held_name(self._project_dir, self.worker)
            self.trials, self._settled, self._asked = {}, set(), {}
            self._pull()
            self._book.reject_nameless()
            self._asked = self._book.unfinished(self.worker)
            for trial_id in list(self._asked):  # it may be over, and only the study not know
                self._keep(self.trials[trial_id])
        else:
            self._fill_anew()
        for trial in self.trials.values():
            self._record_values(trial)
        self.ongoing_trials = {}
        self.end_order = [trial_id for trial_id in self.end_order if trial_id in self.trials]
        self._retry_queue = list(self._asked)
        self._started = True

    def _pull(self) -> None:
        """Takes in what other processes, or earlier ones, have put into the study."""
        if not self._book.shared:
            return
        for frozen, trial in self._book.records(self._settled):
            if trial.trial_id in self._asked:
                continue
            self.trials[trial.trial_id] = trial
            self._numbers[trial.trial_id] = frozen.number
            self._record_values(trial)
            self._reseed()
            if frozen.state.is_finished():
                self._settled.add(frozen.number)
                if self.tune_new_entries:
                    self.hyperparameters.merge(trial.hyperparameters, overwrite=False)

    def _reseed(self) -> None:
        if not self._reseeded:  # the seed's first draws have been made by another process
            self._reseeded = True
            self._book.optuna.sampler.reseed_rng()
            self._seed_state = random.randrange(2**31)

    def _fill_anew(self) -> None:
        """Fills a new study in memory with the trials that Keras Tuner's files tell of."""
        self._asked = {}
        self._book.start_anew()
        ids = {
            self._numbers.setdefault(trial_id, int(trial_id)): trial_id for trial_id in self.trials
        }
        for number in range(max(ids, default=-1) + 1):
            trial = self.trials[ids[number]] if number in ids else None
            values = trial.hyperparameters.values if trial else {}
            params, distributions = as_params(self.hyperparameters.space, values)
            asked = self._book.add(trial, params, distributions, self.objective.name)
            if asked is not None:
                self._asked[ids[number]] = asked
            self._reseed()
