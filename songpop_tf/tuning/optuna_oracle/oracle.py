"""The oracle: Keras Tuner's side of the study."""

import copy
import os
from collections.abc import Mapping
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus

from .keeping import KeepingOracle
from .samplers import built
from .space import as_params, suggested
from .study import INTERMEDIATE, TrialStudy, opened

_DRAWS = 3  # of the sampler before random ones: TPE repeats itself for ever in a small space


class OptunaOracle(KeepingOracle):
    """Draws Keras Tuner's trials from an Optuna study, and tells it how they went.

    A trial's id is its number in the study, which keeps the whole of it in user attributes. With a
    `storage` the study is the truth: oracles in several processes and on several machines share
    it, each trial is done once, `max_trials` and `get_best_trials` are over the whole study, and a
    search that was killed goes on, the trials that ran being run again. Without one the study is
    in memory, and filled anew from Keras Tuner's own files in the project directory.

    Models are saved where they were trained: to load any of a shared study's, let its processes
    share the project directory too, each under a KERASTUNER_TUNER_ID of its own.

    A trial that fails bears `fail_reason` as a user attribute; so does a draw that repeats an
    earlier trial, which is never run. One process under one seed always draws the same. Beside
    others or after a restart the sampler gets a new seed, lest it repeat what was drawn before.

    Args:
        objective: as for `keras_tuner.Oracle`.
        max_trials: how many trials, failed and pruned ones included; None for no limit.
        sampler: name of a class in `optuna.samplers`, or an instance.
        sampler_options: keyword arguments for the sampler's class.
        pruner: name of a class in `optuna.pruners`, or an instance; None never prunes. It takes a
            tuner that reports its epochs: see `PruningMixin`.
        pruner_options: keyword arguments for the pruner's class.
        storage: None for memory, a path for a SQLite file, any URL Optuna takes, or its object.
        study_name: name of the study in the storage; one that is there is continued, even if the
            tuner is to `overwrite` its directory.
        worker: name of this oracle among those that share the study, by default made of host,
            project directory and KERASTUNER_TUNER_ID. No two may bear one at a time: what runs
            under its name when it starts, it runs again. So does an oracle that is given the name
            of a machine that is gone.
        max_collisions: the search is over after so many draws that all repeat a trial.
        seed: seed of the sampler.
        **kwargs: what else `keras_tuner.Oracle` takes.

    Raises:
        ValueError: for a sampler, pruner or option that Optuna does not have, a storage without
            `study_name`, and a study of another direction than the objective's.
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
        known = {"objective": objective, "max_trials": max_trials, "seed": seed}
        super().__init__(worker, **known, **kwargs)
        if storage is not None and study_name is None:
            raise ValueError(f"expected a study_name with storage={storage!r}, received None")
        if seed is not None:
            self.seed = self._seed_state = seed  # Keras Tuner takes 0 for no seed
        options = {"seed": self.seed, **(sampler_options or {})}
        base = optuna.samplers.BaseSampler
        drawer = built(optuna.samplers, base, "sampler", sampler, options)
        pruner, options = pruner or "NopPruner", dict(pruner_options or {})
        ender = built(optuna.pruners, optuna.pruners.BasePruner, "pruner", pruner, options)
        direction = f"{self.objective.direction}imize"
        self._book = TrialStudy(direction, opened(storage), study_name, drawer, ender)
        self._max_collisions = max_collisions
        self._pruned: set[str] = set()
        self._enqueued: list[dict[str, Any]] = []

    @property
    def study(self) -> optuna.Study:
        """The study, for Optuna's figures and tables."""
        return self._book.optuna

    def enqueue(self, values: Mapping[str, Any]) -> None:
        """Has this oracle run a trial with these values next; what they leave open is drawn.

        Args:
            values: values of hyperparameters that are in the search space, by name; a tuner puts
                them there when it is made.

        Raises:
            ValueError: for a name or a value that is not in the search space.
        """
        names = {hp.name for hp in self.hyperparameters.space}
        if not names.issuperset(values):
            raise ValueError(f"expected names among {sorted(names)}, received {sorted(values)}")
        self._enqueued.append(as_params(self.hyperparameters.space, values)[0])

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draws the values of a trial: a status, and values if the search is not over."""
        self._start()
        proposal = self._propose(trial_id)
        if proposal is None:
            return {"status": TrialStatus.STOPPED, "values": None}
        return {"status": TrialStatus.RUNNING, "values": proposal[1]}

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def create_trial(self, tuner_id: str) -> Trial:
        """Hands out a trial: one to run again, a new one, or one of status STOPPED at the end."""
        self._start()
        if tuner_id in self.ongoing_trials:
            return super().create_trial(tuner_id)
        self._pull()
        if not self._retry_queue and not self._queue_new_trial():
            self.tuner_ids.discard(tuner_id)
            return Trial(hyperparameters=self.get_space(), status=TrialStatus.STOPPED)
        trial = self.trials[self._retry_queue[-1]]
        trial.metrics = type(trial.metrics)()  # else Keras Tuner keeps the failed run's result
        self._pruned.discard(trial.trial_id)
        return super().create_trial(tuner_id)

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        """Takes a trial's metrics, of an epoch or at the end.

        Metrics with `INTERMEDIATE` before the objective's name are only for the pruner. Others are
        the result; if they come more than once, they are the trial's epochs too.

        Returns:
            The trial; its status is STOPPED if it is hopeless: whoever trains it should stop then.
        """
        trial, intermediate = self.trials[trial_id], INTERMEDIATE + self.objective.name
        if intermediate in metrics:
            self._report(trial, metrics[intermediate], step, may_prune=True)
        else:
            again = any(trial.metrics.exists(name) for name in metrics)
            super().update_trial(trial_id, metrics, step=step)
            self._report(trial, self.objective.get_value(metrics), step, may_prune=again)
        if trial_id in self._pruned:
            trial = copy.copy(trial)
            trial.status = TrialStatus.STOPPED
        return trial

    def score_trial(self, trial: Trial) -> None:
        """Scores a completed trial; one that was pruned ends STOPPED, and is never the best."""
        super().score_trial(trial)
        if trial.trial_id in self._pruned:
            trial.status = TrialStatus.STOPPED

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]  # Keras Tuner is untyped
    def end_trial(self, trial: Trial) -> None:
        """Ends a trial, or has it run again, and tells the study.

        Raises:
            RuntimeError: after `max_consecutive_failed_trials`.
        """
        known = self.trials[trial.trial_id]
        trial.hyperparameters.values.update(known.hyperparameters.values)
        try:
            super().end_trial(trial)
        except RuntimeError:
            if known.status == TrialStatus.FAILED:  # one too many: Keras Tuner does not save it
                self._save_trial(known)
            raise

    def _report(self, trial: Trial, value: float, step: int, may_prune: bool) -> None:
        asked, name = self._asked.get(trial.trial_id), INTERMEDIATE + self.objective.name
        if asked is None or not self._book.report(asked, value, step):
            return
        if not trial.metrics.exists(name):
            trial.metrics.register(name, self.objective.direction)
        trial.metrics.update(name, value, step=step)  # a study in memory is filled from there
        if may_prune and asked.should_prune():
            self._pruned.add(trial.trial_id)

    def _queue_new_trial(self) -> bool:
        """Draws a trial and queues it as if to be run again: in that way its id may be ours."""
        left = self.remaining_trials()
        proposal = self._propose() if left is None or left > 0 else None
        if proposal is None:
            return False
        trial_id, values = proposal
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = values
        trial = self.trials[trial_id] = Trial(hyperparameters=hyperparameters, trial_id=trial_id)
        self.start_order.append(trial_id)
        self._record_values(trial)
        self._save_trial(trial)
        self._retry_queue.append(trial_id)
        return True

    def _propose(self, trial_id: str | None = None) -> tuple[str, dict[str, Any]] | None:
        space = self.hyperparameters.space
        for attempt in range(self._max_collisions + 1):
            given = self._enqueued.pop(0) if self._enqueued else {}
            if attempt >= _DRAWS and not given:
                random_values = self._random_values()
                if random_values is None:
                    return None
                given = as_params(space, random_values)[0]
            if self._book.exhausted and not given:
                return None
            with self._book.drawing(self.worker, given) as asked:
                values = suggested(asked, space)
                self._book.claim(asked, self._compute_values_hash(values))
            self._pull()
            if self.max_trials and self._book.count_before(asked) >= self.max_trials:
                self._book.reject(asked, f"beyond {self.max_trials} trials")
                return None
            if not self._duplicate(values) and not self._book.is_contested(asked):
                return self._accept(asked, trial_id), values
            self._book.reject(asked, "its values are another trial's")
        return None

    def _accept(self, asked: optuna.Trial, trial_id: str | None) -> str:
        trial_id = trial_id or f"{asked.number:0{len(str(self.max_trials))}d}"
        self._book.accept(asked, trial_id)
        self._asked[trial_id] = asked
        self._numbers[trial_id] = asked.number
        return trial_id
