"""A search: from prepared data to ``best.toml``."""

import contextlib
import dataclasses
import hashlib
import json
import platform
from itertools import count
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout

from pipelines.errors import InputError
from pipelines.files import read_json, write_json
from pipelines.prepared import PreparedData
from songpop_tf.config import RunConfig, save_config
from songpop_tf.training.fit import Console
from songpop_tf.training.run import BRANCHES, Run
from songpop_tf.tuning.hypermodels import Subject, hypermodel_of
from songpop_tf.tuning.optuna_oracle import OptunaOracle
from songpop_tf.tuning.oracles import defaults_of, oracle_of
from songpop_tf.tuning.results import report
from songpop_tf.tuning.tuner import SearchTuner

BEST = "best.toml"
_LAST_FIT = {"text": "text_songs_fit", "cnn": "cnn_fit", "combined": "head_fit"}


def search(
    data: PreparedData,
    out: Path,
    branch: str,
    algorithm: str,
    trials: int,
    base: RunConfig,
    console: Console,
    storage: str | None = None,
) -> RunConfig:
    """Search the hyperparameters of a branch, or go on with a search.

    Several processes may share a search by Optuna, on one machine through the same ``out``.

    Args:
        data: the songs to train and validate on.
        out: folder of the search; ``best.toml`` and a folder for each branch are written there.
        branch: "text", "cnn", "combined", or "all": each in turn, on top of the best before.
        algorithm: one of :data:`songpop_tf.tuning.oracles.ALGORITHMS`.
        trials: how many at most for each branch, the defaults included.
        base: the configuration to start from, which is the first trial.
        console: is told of trials and epochs.
        storage: database URL of the Optuna study, if not a file in the folder.

    Returns:
        The best configuration.

    Raises:
        InputError: the folder holds another search, or no trial succeeded.
    """
    best = base
    for one in BRANCHES if branch == "all" else (branch,):
        console.say(f"\n{one}: searches by {algorithm}, {trials} trials")
        best = _search_branch(data, out, one, algorithm, trials, best, console, storage)
    save_config(best, out / BEST)
    return best


def _search_branch(
    data: PreparedData,
    out: Path,
    branch: str,
    algorithm: str,
    trials: int,
    base: RunConfig,
    console: Console,
    storage: str | None,
) -> RunConfig:
    folder = out / branch
    folder.mkdir(parents=True, exist_ok=True)
    worker, held = _worker(folder)
    with held:
        if worker > 1 and algorithm != "optuna":
            raise InputError(
                f"{folder}: expected a search that no other process runs, found one; only "
                "--algorithm optuna can be shared"
            )
        # What all trials share is made by one process, while others wait.
        with FileLock(folder / "shared.lock"):
            run = _start(folder, data, algorithm, base)
            epochs = getattr(base, _LAST_FIT[branch]).epochs
            subject = Subject(data, run, base, console, algorithm == "hyperband")
            hypermodel = hypermodel_of(branch, subject)
            oracle = oracle_of(
                algorithm,
                trials,
                epochs,
                base.seed,
                storage or folder / "study.db",
                f"songpop-{branch}-{_digest(data, base)}",
                f"{platform.node()}-{worker}",
            )
            tuner = SearchTuner(oracle, hypermodel, out, console)
            if isinstance(oracle, OptunaOracle) and oracle.remaining_trials() == trials:
                oracle.enqueue(defaults_of(oracle))
        tuner.search()
        best = hypermodel.configure(report(oracle, folder, console))
    save_config(best, folder / BEST)
    return best


def _worker(folder: Path) -> tuple[int, AcquireReturnProxy[Any]]:
    """The lowest number that no other process bears: who comes back takes up what it left."""
    for number in count(1):
        with contextlib.suppress(Timeout):
            return number, FileLock(folder / f"worker-{number}.lock").acquire(timeout=0)
    raise AssertionError("there is always another number")


def _digest(data: PreparedData, base: RunConfig) -> str:
    """What tells studies in one database apart: only trials of one kind can be compared."""
    told = json.dumps([data.manifest["fingerprints"], dataclasses.asdict(base)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _start(folder: Path, data: PreparedData, algorithm: str, base: RunConfig) -> Run:
    """Begin a search, or make sure that the folder holds this one."""
    run = Run.start(folder / "run", data, base)
    path = folder / "search.json"
    if path.is_file():
        known = read_json(path)["algorithm"]
        if known != algorithm:
            raise InputError(
                f"{folder}: expected a search by {known}, received --algorithm {algorithm}; "
                "choose another --out"
            )
    write_json(path, {"algorithm": algorithm})
    return run
