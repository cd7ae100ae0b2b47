"""`OptunaOracle`: Keras Tuner's oracle interface to an Optuna study."""

import copy
import os
from collections.abc import Mapping
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus

from .distributions import suggest_values, to_params
from .persistent_oracle import PersistentOracle
from .samplers import create_sampler_or_pruner
from .trial_store import INTERMEDIATE, TrialStore, open_storage

_SAMPLER_ATTEMPTS = 3
"""Draws of the sampler before random ones: in a small space TPE repeats itself endlessly."""


class OptunaOracle(PersistentOracle):
    """Draws Keras Tuner's trials from an Optuna study and reports their results to it.

    A trial's id is its number in the study, which stores the complete trial in user attributes.
    With a `storage` the study is authoritative: oracles in several processes and on several
    machines share it, each trial runs once, `max_trials` and `get_best_trials` refer to the whole
    study, and a killed search resumes and runs its interrupted trials again. Without one the study
    is in memory and is rebuilt from Keras Tuner's own files in the project directory.

    Models are saved where they were trained. To load any model of a shared study, let its processes
    share the project directory too, each with its own KERASTUNER_TUNER_ID.

    A failed trial has the user attribute `fail_reason`, and so has a draw that repeats an earlier
    trial and therefore never runs. A single process with a given seed always draws the same values.
    Next to other processes, and after a restart, the sampler is reseeded so that it does not repeat
    earlier draws.

    Args:
        objective: as for `keras_tuner.Oracle`.
        max_trials: maximum number of trials, including failed and pruned ones; None for no limit.
        sampler: name of a class in `optuna.samplers`, or an instance.
        sampler_options: keyword arguments of the sampler's class.
        pruner: name of a class in `optuna.pruners`, or an instance; None never prunes. Requires a
            tuner that reports its epochs: see `PruningMixin`.
        pruner_options: keyword arguments of the pruner's class.
        storage: None for memory, a path for a SQLite file, a database URL, or an Optuna storage.
        study_name: name of the study in the storage; an existing study is continued, even if the
            tuner has `overwrite=True`.
        worker: name of this oracle among those that share the study; by default composed of host,
            project directory and KERASTUNER_TUNER_ID. It must be unique among running oracles: on
            start, the oracle runs the unfinished trials of its name again. To take over the trials
            of a lost machine, pass that machine's worker name.
        max_collisions: number of consecutive draws that may repeat earlier trials; one more ends
            the search.
        seed: seed of the sampler.
        **kwargs: other arguments of `keras_tuner.Oracle`.

    Raises:
        ValueError: Optuna has no such sampler, pruner or option; a storage without `study_name`;
            or the existing study's direction differs from the objective's.
    """

    def __init__(
        self,
        objective: Any = None,
        max_trials: int | None = 10,
        *,
        sampler: str | optuna.samplers.BaseSampler = "TPESampler",
        sampler_options: Mapping[str, Any] | None = None,
        pruner: str | optuna.pruners.BasePruner | None = None,
        pruner_options: Mapping[str, Any] | None = None,
        storage: str | os.PathLike[str] | optuna.storages.BaseStorage | None = None,
        study_name: str | None = None,
        worker: str | None = None,
        max_collisions: int = 20,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(worker, objective=objective, max_trials=max_trials, seed=seed, **kwargs)
        if storage is not None and study_name is None:
            raise ValueError(f"study_name: expected a name for storage {storage!r}, received None")
        if seed is not None:
            self.seed = self._seed_state = seed  # Keras Tuner replaces a seed of 0 by a random one
        sampler_instance = create_sampler_or_pruner(
            optuna.samplers,
            optuna.samplers.BaseSampler,
            "sampler",
            sampler,
            {"seed": self.seed, **(sampler_options or {})},
        )
        pruner_instance = create_sampler_or_pruner(
            optuna.pruners,
            optuna.pruners.BasePruner,
            "pruner",
            pruner or "NopPruner",
            pruner_options or {},
        )
        self._store = TrialStore(
            f"{self.objective.direction}imize",
            open_storage(storage),
            study_name,
            sampler_instance,
            pruner_instance,
        )
        self._max_collisions = max_collisions
        self._pruned: set[str] = set()  # ids of the trials to stop
        self._enqueued_params: list[dict[str, Any]] = []

    @property
    def study(self) -> optuna.Study:
        """The study, for Optuna's plots and tables."""
        return self._store.study

    def enqueue(self, values: Mapping[str, Any]) -> None:
        """Run a trial with the given values next; the sampler draws the other hyperparameters.

        Args:
            values: values by name of hyperparameters in the search space. The tuner fills the
                search space when it is created.

        Raises:
            ValueError: a name or a value is not in the search space.
        """
        names = {hp.name for hp in self.hyperparameters.space}
        if not names.issuperset(values):
            raise ValueError(
                f"values: expected names among {sorted(names)}, received {sorted(values)}"
            )
        self._enqueued_params.append(to_params(self.hyperparameters.space, values)[0])

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw the values of a trial: a status, and the values unless the search has ended."""
        self._ensure_started()
        drawn = self._draw(trial_id)
        if drawn is None:
            return {"status": TrialStatus.STOPPED, "values": None}
        return {"status": TrialStatus.RUNNING, "values": drawn[1]}

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def create_trial(self, tuner_id: str) -> Trial:
        """Return a trial to run again, a new trial, or one with status STOPPED at the end."""
        self._ensure_started()
        if tuner_id in self.ongoing_trials:
            return super().create_trial(tuner_id)
        self._pull()
        if not self._retry_queue and not self._queue_new_trial():
            self.tuner_ids.discard(tuner_id)
            return Trial(hyperparameters=self.get_space(), status=TrialStatus.STOPPED)
        trial = self.trials[self._retry_queue[-1]]
        trial.metrics = type(trial.metrics)()  # else Keras Tuner keeps the failed run's metrics
        self._pruned.discard(trial.trial_id)
        return super().create_trial(tuner_id)

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        """Report a trial's metrics, of an epoch or of the whole trial.

        A metric named `INTERMEDIATE` + objective only informs the pruner. Other metrics are the
        trial's result; if reported more than once, they count as the trial's epochs too.

        Returns:
            The trial. Its status is STOPPED if it is pruned: the caller should stop training it.
        """
        trial, intermediate = self.trials[trial_id], INTERMEDIATE + self.objective.name
        if intermediate in metrics:
            self._report(trial, metrics[intermediate], step, may_prune=True)
        else:
            repeated = any(trial.metrics.exists(name) for name in metrics)
            super().update_trial(trial_id, metrics, step=step)
            self._report(trial, self.objective.get_value(metrics), step, may_prune=repeated)
        if trial_id in self._pruned:
            trial = copy.copy(trial)
            trial.status = TrialStatus.STOPPED
        return trial

    def score_trial(self, trial: Trial) -> None:
        """Score a completed trial; a pruned one gets status STOPPED and is never the best."""
        super().score_trial(trial)
        if trial.trial_id in self._pruned:
            trial.status = TrialStatus.STOPPED

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def end_trial(self, trial: Trial) -> None:
        """End a trial, or queue it to run again, and save it to the study.

        Raises:
            RuntimeError: after `max_consecutive_failed_trials`.
        """
        own_trial = self.trials[trial.trial_id]  # the argument may be a copy
        trial.hyperparameters.values.update(own_trial.hyperparameters.values)
        try:
            super().end_trial(trial)
        except RuntimeError:
            if own_trial.status == TrialStatus.FAILED:  # Keras Tuner does not save the last failure
                self._save_trial(own_trial)
            raise

    def _report(self, trial: Trial, value: float, step: int, may_prune: bool) -> None:
        optuna_trial = self._open_trials.get(trial.trial_id)
        if optuna_trial is None or not self._store.report(optuna_trial, value, step):
            return
        name = INTERMEDIATE + self.objective.name
        if not trial.metrics.exists(name):
            trial.metrics.register(name, self.objective.direction)
        trial.metrics.update(name, value, step=step)  # an in-memory study is rebuilt from these
        if may_prune and optuna_trial.should_prune():
            self._pruned.add(trial.trial_id)

    def _queue_new_trial(self) -> bool:
        """Draw a trial and put it in Keras Tuner's retry queue, which lets it keep its own id."""
        remaining = self.remaining_trials()
        drawn = self._draw() if remaining is None or remaining > 0 else None
        if drawn is None:
            return False
        trial_id, values = drawn
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = values
        trial = self.trials[trial_id] = Trial(hyperparameters=hyperparameters, trial_id=trial_id)
        self.start_order.append(trial_id)
        self._record_values(trial)
        self._save_trial(trial)
        self._retry_queue.append(trial_id)
        return True

    def _draw(self, trial_id: str | None = None) -> tuple[str, dict[str, Any]] | None:
        """Draw a trial that repeats no other; its id and values, or None at the search's end."""
        space = self.hyperparameters.space
        for attempt in range(self._max_collisions + 1):
            fixed_params = self._enqueued_params.pop(0) if self._enqueued_params else {}
            if attempt >= _SAMPLER_ATTEMPTS and not fixed_params:
                random_values = self._random_values()
                if random_values is None:
                    return None
                fixed_params = to_params(space, random_values)[0]
            if self._store.exhausted and not fixed_params:
                return None
            with self._store.new_trial(self.worker, fixed_params) as optuna_trial:
                values = suggest_values(optuna_trial, space)
                self._store.publish_values(optuna_trial, self._compute_values_hash(values))
            self._pull()
            if self.max_trials and self._store.count_before(optuna_trial) >= self.max_trials:
                self._store.reject(optuna_trial, f"beyond max_trials={self.max_trials}")
                return None
            if not self._duplicate(values) and not self._store.has_duplicate(optuna_trial):
                return self._accept(optuna_trial, trial_id), values
            self._store.reject(optuna_trial, "same values as another trial")
        return None

    def _accept(self, optuna_trial: optuna.Trial, trial_id: str | None) -> str:
        trial_id = trial_id or f"{optuna_trial.number:0{len(str(self.max_trials))}d}"
        self._store.accept(optuna_trial, trial_id)
        self._open_trials[trial_id] = optuna_trial
        self._numbers[trial_id] = optuna_trial.number
        return trial_id
