"""`TrialStore`: an Optuna study that stores Keras Tuner's trials, for one or several oracles."""

import contextlib
import json
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import NullPool, make_url

from .samplers import fix_params

_log = logging.getLogger(__name__)
INTERMEDIATE = "intermediate/"
"""Prefix of the objective's name: the value of an epoch, not the trial's result."""
REASON = "fail_reason"
"""User attribute: why a trial failed or was rejected."""
_ID, _STATE = "keras_tuner_trial_id", "keras_tuner_trial"
_WORKER, _VALUES_HASH = "keras_tuner_worker", "keras_tuner_values"
_PROCESS_DIED = "its process died before the trial started"
_GRACE_SECONDS = 2.0
_OPTUNA_STATES = {
    TrialStatus.COMPLETED: TrialState.COMPLETE,
    TrialStatus.STOPPED: TrialState.PRUNED,
    TrialStatus.FAILED: TrialState.FAIL,
}


def open_storage(storage: Any) -> Any:
    """Open an Optuna storage.

    Args:
        storage: None for memory, a path for a SQLite file, a database URL, or an Optuna storage,
            which is returned unchanged.
    """
    if storage is None or isinstance(storage, optuna.storages.BaseStorage):
        return storage
    url = os.fspath(storage)
    if "://" not in url:
        Path(url).absolute().parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{Path(url).absolute()}"
    engine_options = _engine_options(url)
    for delay in (0.1, 0.2, 0.4, 0.8):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=engine_options)
        # Two processes that create the tables at the same time: each database driver raises an
        # exception of its own.
        except Exception as error:
            # Neither the URL nor the message, which may repeat it: they may contain a password.
            _log.info("opening the storage failed, retrying: %s", type(error).__name__)
            time.sleep(delay * random.uniform(1, 2))
    return optuna.storages.RDBStorage(url, engine_kwargs=engine_options)


def _engine_options(url: str) -> dict[str, Any] | None:
    """SQLAlchemy's options for a database; None for its defaults."""
    if not url.startswith("sqlite"):
        return None
    # SQLite waits for another process's write for 5 seconds by default: too short.
    options: dict[str, Any] = {"connect_args": {"timeout": 60}}
    database = make_url(url).database
    if database and database != ":memory:":
        # A pool would keep files open as long as the storage, which nobody closes.
        options["poolclass"] = NullPool
    return options


class TrialStore:
    """Stores Keras Tuner's trials in an Optuna study.

    The life of a trial: it is created in state RUNNING with its worker's name, and its values are
    drawn. It is then either rejected, or accepted and saved: the state of Keras Tuner's trial, as
    JSON, becomes a user attribute. A RUNNING trial without a worker's name belongs to a process
    that has died (or that is about to set the name).

    Args:
        direction: "minimize" or "maximize".
        storage: None for memory, or a storage that processes may share.
        name: name of the study in the storage; an existing study is continued.
        sampler: Optuna's sampler.
        pruner: Optuna's pruner.

    Raises:
        ValueError: the existing study has another direction.
    """

    def __init__(self, direction: str, storage: Any, name: str | None, sampler: Any, pruner: Any):
        self.shared, self.name = storage is not None, name
        self.exhausted = False
        self._study_options: dict[str, Any] = {
            "storage": storage,
            "study_name": name,
            "sampler": sampler,
            "pruner": pruner,
            "direction": direction,
        }
        self.open_study()
        existing = self.study.direction.name.lower()
        if existing != direction:
            raise ValueError(f"study {name}: expected direction {direction}, received {existing}")

    def open_study(self) -> None:
        """Open the study: the existing one of a storage, or an empty one, as always in memory."""
        self.study = optuna.create_study(**self._study_options, load_if_exists=True)
        # The grid and brute-force samplers call it at the end of their space. Optuna's own method
        # raises outside of `optimize`.
        self.study.stop = self._set_exhausted  # type: ignore[method-assign]

    def _set_exhausted(self) -> None:
        self.exhausted = True

    def trials(self) -> list[FrozenTrial]:
        """All trials by number; shared objects, not to be modified."""
        return self.study.get_trials(deepcopy=False)

    @contextlib.contextmanager
    def new_trial(self, worker: str, fixed_params: Mapping[str, Any]) -> Iterator[optuna.Trial]:
        """Create a trial of a worker; reject it if the `with` block raises.

        Fixed parameters do not go through Optuna's queue (`enqueue_trial`): two processes may take
        the same trial from it, as SQLite has no row locks.
        """
        sampler = self.study.sampler
        self.study.sampler = fix_params(fixed_params, sampler)
        try:
            optuna_trial = self.study.ask()
            optuna_trial.set_user_attr(_WORKER, worker)
            try:
                yield optuna_trial
            except Exception as error:
                self.reject(optuna_trial, repr(error))
                raise
        finally:
            self.study.sampler = sampler

    def reject(self, optuna_trial: optuna.Trial, reason: str) -> None:
        """Mark a trial that will not run as failed."""
        optuna_trial.set_user_attr(REASON, reason)
        self.study.tell(optuna_trial, state=TrialState.FAIL)

    def publish_values(self, optuna_trial: optuna.Trial, values_hash: str) -> None:
        """Publish a trial's values, for `has_duplicate` in other processes."""
        optuna_trial.set_user_attr(_VALUES_HASH, values_hash)

    def has_duplicate(self, optuna_trial: optuna.Trial) -> bool:
        """Whether another trial, which may not be accepted yet, has the same values.

        Every process publishes its values before it reads those of the others: of two that draw
        the same values at the same time, at least one sees the other's.
        """
        values_hash = optuna_trial.user_attrs[_VALUES_HASH]
        return any(
            trial.number != optuna_trial.number
            and trial.user_attrs.get(_VALUES_HASH) == values_hash
            and _is_counted(trial)
            for trial in self.trials()
        )

    def count_before(self, optuna_trial: optuna.Trial) -> int:
        """Count the trials of lower number, including those that may yet be rejected."""
        return sum(_is_counted(trial) for trial in self.trials()[: optuna_trial.number])

    def accept(self, optuna_trial: optuna.Trial, trial_id: str) -> None:
        """Store the id of Keras Tuner's trial."""
        optuna_trial.set_user_attr(_ID, trial_id)

    def save_trial(self, optuna_trial: optuna.Trial, trial: Trial, objective: str) -> bool:
        """Store the state of Keras Tuner's trial; finish Optuna's trial if it has ended.

        Returns:
            Whether the trial has ended.
        """
        optuna_trial.set_user_attr(_STATE, json.dumps(trial.get_state()))
        state = _OPTUNA_STATES.get(trial.status)
        if state is None:
            return False
        if state == TrialState.FAIL:
            reason = trial.message or f"no message; {objective}: {trial.score}"
            optuna_trial.set_user_attr(REASON, reason)
        self.study.tell(optuna_trial, trial.score if state == TrialState.COMPLETE else None, state)
        return True

    def report(self, optuna_trial: optuna.Trial, value: float, step: int) -> bool:
        """Report an epoch, unless an earlier run of the trial has: Optuna accepts a step once.

        Returns:
            Whether the value was reported.
        """
        if step in self.trials()[optuna_trial.number].intermediate_values:
            return False
        optuna_trial.report(value, step)
        return True

    def load_trials(self, exclude: set[int]) -> Iterator[tuple[FrozenTrial, Trial]]:
        """Load the saved trials whose numbers are not excluded."""
        for frozen in self.trials():
            if _STATE in frozen.user_attrs and frozen.number not in exclude:
                yield frozen, Trial.from_state(json.loads(frozen.user_attrs[_STATE]))

    def reopen_trials(self, worker: str) -> dict[str, optuna.Trial]:
        """Reopen a worker's running trials, by trial id; reject those that were never saved."""
        reopened = {}
        for frozen in self._running():
            if frozen.user_attrs.get(_WORKER) != worker:
                continue
            if _STATE in frozen.user_attrs:
                reopened[frozen.user_attrs[_ID]] = self._reopen(frozen)
            else:
                self.reject(self._reopen(frozen), _PROCESS_DIED)
        return reopened

    def reject_orphans(self) -> None:
        """Reject the trials of any process that died before it set the worker's name."""
        orphans = {trial.number for trial in self._running() if _WORKER not in trial.user_attrs}
        if not orphans:
            return
        time.sleep(_GRACE_SECONDS)  # a live process sets the name immediately
        for frozen in self._running():
            if frozen.number in orphans and _WORKER not in frozen.user_attrs:
                # Another oracle may have rejected it in the meantime.
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    self.reject(self._reopen(frozen), _PROCESS_DIED)

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def restore_trial(
        self, trial: Trial | None, params: Any, distributions: Any, objective: str
    ) -> optuna.Trial | None:
        """Add a trial of an earlier in-memory study; None stands for a rejected trial.

        Returns:
            Optuna's trial if it is still running, else None.
        """
        if trial is None:
            attributes = {REASON: "rejected before the search was resumed"}
            self.study.add_trial(
                optuna.trial.create_trial(state=TrialState.FAIL, user_attrs=attributes)
            )
            return None
        state = _OPTUNA_STATES.get(trial.status, TrialState.RUNNING)
        finished = state != TrialState.RUNNING
        self.study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=trial.score if state == TrialState.COMPLETE else None,
                params=params,
                distributions=distributions,
                intermediate_values=_epoch_values(trial, objective) if finished else {},
                user_attrs={_ID: trial.trial_id, _STATE: json.dumps(trial.get_state())},
            )
        )
        return None if finished else self._reopen(self.trials()[-1])

    def _reopen(self, frozen: FrozenTrial) -> optuna.Trial:
        # Optuna has no public way from a frozen trial to one that can be changed.
        return optuna.Trial(self.study, frozen._trial_id)


def _epoch_values(trial: Trial, objective: str) -> dict[int, float]:
    """The objective's reported values by epoch."""
    if not trial.metrics.exists(INTERMEDIATE + objective):
        return {}
    history = trial.metrics.get_history(INTERMEDIATE + objective)
    return {observation.step: float(observation.mean()) for observation in history}


def _is_counted(trial: FrozenTrial) -> bool:
    """Whether a trial is accepted, or may still be."""
    return trial.state == TrialState.RUNNING or _STATE in trial.user_attrs
