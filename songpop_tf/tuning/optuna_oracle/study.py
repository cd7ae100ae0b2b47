"""An Optuna study that keeps whole trials of Keras Tuner, for one oracle or for several."""

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

from .samplers import Given

_log = logging.getLogger(__name__)
INTERMEDIATE = "intermediate/"  # before the objective's name: an epoch's value, not the result
REASON = "fail_reason"
_ID, _RECORD = "keras_tuner_trial_id", "keras_tuner_trial"
_WORKER, _CLAIM = "keras_tuner_worker", "keras_tuner_values"
_DIED = "its process died while it was drawn"
_GRACE = 2.0  # seconds
_STATES = {
    TrialStatus.COMPLETED: TrialState.COMPLETE,
    TrialStatus.STOPPED: TrialState.PRUNED,
    TrialStatus.FAILED: TrialState.FAIL,
}


def opened(storage: Any) -> Any:
    """Optuna's storage: None for memory, SQLite for a path, patient with other processes."""
    if storage is None or isinstance(storage, optuna.storages.BaseStorage):
        return storage
    url = os.fspath(storage)
    if "://" not in url:
        Path(url).absolute().parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{Path(url).absolute()}"
    patience = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None
    for wait in (0.1, 0.2, 0.4, 0.8):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=patience)
        except Exception as error:  # each database has its own for a table made twice at once
            _log.info("storage %s, trying again: %s", url, error)
            time.sleep(wait * random.uniform(1, 2))
    return optuna.storages.RDBStorage(url, engine_kwargs=patience)


class TrialStudy:
    """What an oracle does with its study.

    A trial is first drawn: it runs, under the name of a worker, without a record. Then it is
    rejected, or accepted and kept: its record is the state of Keras Tuner's trial, as JSON. What
    else runs in the study and has no name is taken for a trial whose process has died.

    Args:
        direction: "minimize" or "maximize".
        storage: None for memory, or a storage that other processes may share.
        name: name of the study in the storage; one that is there is continued.
        sampler: Optuna's sampler.
        pruner: Optuna's pruner.

    Raises:
        ValueError: for a study of another direction.
    """

    def __init__(self, direction: str, storage: Any, name: str | None, sampler: Any, pruner: Any):
        self.shared, self.name = storage is not None, name
        self.exhausted = False
        self._study: dict[str, Any] = {
            "storage": storage,
            "study_name": name,
            "sampler": sampler,
            "pruner": pruner,
            "direction": direction,
        }
        self.start_anew()
        found = self.optuna.direction.name.lower()
        if found != direction:
            raise ValueError(f"expected study {name} to {direction}, received one to {found}")

    def start_anew(self) -> None:
        """Opens the study: an empty one if it is in memory, else the one that is there."""
        self.optuna = optuna.create_study(**self._study, load_if_exists=True)
        # How grid and brute force say that they are through; Optuna's own raises outside optimize.
        self.optuna.stop = self._note_exhausted  # type: ignore[method-assign]

    def _note_exhausted(self) -> None:
        self.exhausted = True

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number; not to be changed."""
        return self.optuna.get_trials(deepcopy=False)

    @contextlib.contextmanager
    def drawing(self, worker: str, given: Mapping[str, Any]) -> Iterator[optuna.Trial]:
        """Asks for a trial under a worker's name, with some parameters given; rejects it if what
        draws the others raises.

        Not even the given ones go through Optuna's queue: two processes may take the same trial
        from it, as SQLite has no lock for a row.
        """
        sampler = self.optuna.sampler
        self.optuna.sampler = Given(given, sampler)
        try:
            asked = self.optuna.ask()
            asked.set_user_attr(_WORKER, worker)
            try:
                yield asked
            except Exception as error:
                self.reject(asked, repr(error))
                raise
        finally:
            self.optuna.sampler = sampler

    def reject(self, asked: optuna.Trial, reason: str) -> None:
        """Marks a trial that is not run as failed."""
        asked.set_user_attr(REASON, reason)
        self.optuna.tell(asked, state=TrialState.FAIL)

    def claim(self, asked: optuna.Trial, values_hash: str) -> None:
        """Says which values a trial has, for `is_contested` of other processes to see."""
        asked.set_user_attr(_CLAIM, values_hash)

    def is_contested(self, asked: optuna.Trial) -> bool:
        """Whether another trial, which may still be being drawn, claims the same values.

        As each claims first and looks then, at least one of two that draw at once sees the other.
        """
        claim = asked.user_attrs[_CLAIM]
        rivals = (trial for trial in self.trials() if trial.number != asked.number)
        return any(rival.user_attrs.get(_CLAIM) == claim and _counts(rival) for rival in rivals)

    def count_before(self, asked: optuna.Trial) -> int:
        """How many trials of lower number there are, those included that may yet be rejected."""
        return sum(_counts(trial) for trial in self.trials()[: asked.number])

    def accept(self, asked: optuna.Trial, trial_id: str) -> None:
        """Notes which of Keras Tuner's trials it is."""
        asked.set_user_attr(_ID, trial_id)

    def keep(self, asked: optuna.Trial, trial: Trial, objective: str) -> bool:
        """Records a trial as it is, and ends it if it is over.

        Returns:
            Whether it is over.
        """
        asked.set_user_attr(_RECORD, json.dumps(trial.get_state()))
        state = _STATES.get(trial.status)
        if state is None:
            return False
        if state == TrialState.FAIL:
            reason = trial.message or f"no message was given; {objective}: {trial.score}"
            asked.set_user_attr(REASON, reason)
        self.optuna.tell(asked, trial.score if state == TrialState.COMPLETE else None, state)
        return True

    def report(self, asked: optuna.Trial, value: float, step: int) -> bool:
        """Reports an epoch, unless an earlier execution or run has: Optuna takes one value a step.

        Returns:
            Whether it was reported.
        """
        if step in self.trials()[asked.number].intermediate_values:
            return False
        asked.report(value, step)
        return True

    def records(self, settled: set[int]) -> Iterator[tuple[FrozenTrial, Trial]]:
        """The trials that are kept, but for those of the given numbers."""
        for frozen in self.trials():
            if _RECORD in frozen.user_attrs and frozen.number not in settled:
                yield frozen, Trial.from_state(json.loads(frozen.user_attrs[_RECORD]))

    def unfinished(self, worker: str) -> dict[str, optuna.Trial]:
        """A worker's trials that run, by Keras Tuner's ids; those it was drawing are rejected."""
        found = {}
        for frozen in self._running():
            if frozen.user_attrs.get(_WORKER) == worker and _RECORD in frozen.user_attrs:
                found[frozen.user_attrs[_ID]] = self._again(frozen)
            elif frozen.user_attrs.get(_WORKER) == worker:
                self.reject(self._again(frozen), _DIED)
        return found

    def reject_nameless(self) -> None:
        """Rejects trials whose process died before it could name them, any worker's."""
        nameless = {trial.number for trial in self._running() if _WORKER not in trial.user_attrs}
        if nameless:
            time.sleep(_GRACE)  # a process that lives names its trial at once
        for frozen in self._running() if nameless else ():
            if frozen.number in nameless and _WORKER not in frozen.user_attrs:
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    self.reject(self._again(frozen), _DIED)  # unless another oracle just has

    def _running(self) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def add(self, trial: Trial | None, params: Any, distributions: Any, objective: str) -> Any:
        """Adds a trial that an earlier study in memory had; None for one that was rejected.

        Returns:
            The trial to go on with if it is not over, else None.
        """
        if trial is None:
            attributes = {REASON: "rejected before the search was taken up again"}
            rejected = optuna.trial.create_trial(state=TrialState.FAIL, user_attrs=attributes)
            return self.optuna.add_trial(rejected)
        state, epochs = _STATES.get(trial.status, TrialState.RUNNING), {}
        if state != TrialState.RUNNING and trial.metrics.exists(INTERMEDIATE + objective):
            history = trial.metrics.get_history(INTERMEDIATE + objective)
            epochs = {seen.step: float(seen.mean()) for seen in history}
        self.optuna.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=trial.score if state == TrialState.COMPLETE else None,
                params=params,
                distributions=distributions,
                intermediate_values=epochs,
                user_attrs={_ID: trial.trial_id, _RECORD: json.dumps(trial.get_state())},
            )
        )
        return self._again(self.trials()[-1]) if state == TrialState.RUNNING else None

    def _again(self, frozen: FrozenTrial) -> optuna.Trial:
        return optuna.Trial(self.optuna, frozen._trial_id)  # there is no public way back to it


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial is kept, or may yet be."""
    return trial.state == TrialState.RUNNING or _RECORD in trial.user_attrs
