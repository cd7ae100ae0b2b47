"""Searches in processes of their own."""

import collections
import gc
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from keras_tuner_optuna import OptunaOracle, PruningMixin

FORK = multiprocessing.get_context("fork")  # a child need not import TensorFlow again


class RecordingTuner(PruningMixin, keras_tuner.Tuner):  # type: ignore[misc]  # untyped
    """A tuner without Keras: records each run of a trial in a file, with its process."""

    def run_trial(self, trial: Trial, *_: Any, **kwargs: Any) -> float:
        x = float(trial.hyperparameters.Float("x", -1, 1))
        model = type("Model", (), {"stop_training": False})
        self.on_epoch_end(trial, model, 0, {"val_loss": abs(x)})
        with open(kwargs["runs"], "a") as file:
            file.write(f"{trial.trial_id} {os.getpid()} {x!r}\n")
        kwargs["after_run"]()
        return abs(x)


def search(path: Path, oracle: OptunaOracle, after_run: Callable[[], Any] = int) -> None:
    tuner = RecordingTuner(
        oracle, lambda hp: hp.Float("x", -1, 1), directory=path, project_name="project"
    )
    tuner.search(verbose=0, runs=path / "runs", after_run=after_run)


def recorded_runs(path: Path) -> dict[str, list[list[str]]]:
    """The runs of each trial: process and value."""
    runs = collections.defaultdict(list)
    for line in (path / "runs").read_text().splitlines() if (path / "runs").exists() else ():
        trial_id, *run = line.split()
        runs[trial_id].append(run)
    return dict(runs)


def start_process(target: Callable[..., None], *args: Any) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=target, args=args)
    # TensorFlow objects of other tests must not be garbage-collected in the child: their locks may
    # have been held by a thread that does not exist there.
    gc.freeze()
    process.start()
    gc.unfreeze()
    return process


def exit_code(process: multiprocessing.process.BaseProcess) -> int | None:
    """Exit code of a process once it has ended; None if it hangs."""
    process.join(60)
    return process.exitcode
