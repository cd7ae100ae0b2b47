"""Hyperparameter search: from prepared data to ``best.toml``."""

import dataclasses
import hashlib
import json
import uuid
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import keras_tuner
import optuna
from keras_tuner.engine.trial import TrialStatus
from optuna.exceptions import OptunaError
from sqlalchemy.exc import SQLAlchemyError

from keras_tuner_optuna import OptunaOracle
from pipelines.errors import InputError
from pipelines.file_errors import reading
from pipelines.io import read_json, write_json
from pipelines.prepared_data import METADATA, SONGS, PreparedData
from pipelines.spectrograms.tfrecords import naming_damaged_records
from songpop_tf.config import RunConfig, save_config
from songpop_tf.console import Console
from songpop_tf.training.configurations import BRANCHES
from songpop_tf.training.run import CONFIG_FILE, Run
from songpop_tf.tuning.hypermodels import SearchContext, create_hypermodel
from songpop_tf.tuning.locks import (
    acquire_worker_id,
    hold_lock,
    try_exclusive,
    wait_for_other_workers,
)
from songpop_tf.tuning.oracles import OracleOptions, create_oracle, default_values
from songpop_tf.tuning.results import write_results
from songpop_tf.tuning.search_space import apply_hyperparameters, objective_fit_config
from songpop_tf.tuning.search_tuner import SearchTuner

BEST_CONFIG_FILE = "best.toml"
_SEARCH_FILE = "search.json"


@dataclass(frozen=True)
class SearchOptions:
    """Algorithm and extent of a search.

    Attributes:
        algorithm: one of `songpop_tf.tuning.oracles.ALGORITHMS`.
        trials: the most for each branch, the one of the default hyperparameters included.
        storage: database URL of the Optuna study; None for a file in the folder of the search.
    """

    algorithm: str
    trials: int
    storage: str | None = None

    @property
    def oracle_sets_epochs(self) -> bool:
        """Whether the oracle sets the epochs of each trial, instead of searching them."""
        return self.algorithm == "hyperband"


def search(
    data: PreparedData,
    out: Path,
    branch: str,
    options: SearchOptions,
    base: RunConfig,
    console: Console,
) -> RunConfig:
    """Search the hyperparameters of a branch, or resume a search.

    Several processes may share a search with Optuna: on one machine through the same ``out``, on
    several machines through a database.

    Args:
        data: the songs to train and validate on.
        out: folder of the search; ``best.toml`` and a folder for each branch are written there.
        branch: "text", "cnn", "combined" (the head on frozen branches), or "all": both branches,
            then the head on the best of them.
        options: algorithm and number of trials.
        base: the configuration of the first trial, whose settings are the defaults.
        console: prints trials and epochs.

    Returns:
        The best configuration.

    Raises:
        InputError: the folder holds another search, no trial succeeded, or the database cannot be
            used.
    """
    best = base
    for name in BRANCHES if branch == "all" else (branch,):
        # The branches are searched independently; the head is searched on the best of both.
        branch_base = best if name == "combined" else base
        if name == "combined" and branch == "all":
            _archive_search(out / name, branch_base, console)
        with naming_damaged_records(data.shards):
            hp = _BranchSearch(data, out, name, options, branch_base, console).run()
        best = apply_hyperparameters(name, hp, best, options.oracle_sets_epochs)
        with hold_lock(out / "best.lock", f"another process to write {BEST_CONFIG_FILE}", console):
            save_config(best, out / BEST_CONFIG_FILE)
    return best


def _archive_search(directory: Path, base: RunConfig, console: Console) -> None:
    """Rename the folder of a search of the head if its branches are not those of ``base``.

    Raises:
        InputError: another process searches there.
    """
    run = directory / "run"
    if not run.is_dir():
        return
    with try_exclusive(directory) as is_exclusive:
        if not (run / CONFIG_FILE).is_file() or Run.open(run).config() == base:
            return
        if not is_exclusive:
            raise InputError(
                f"{directory}: expected no other process here, because the search restarts on "
                "better branches; received one that searches on earlier branches; wait until it "
                "ends and start again"
            )
        numbered = (directory.with_name(f"{directory.name}.{number}") for number in count(1))
        archive = next(path for path in numbered if not path.exists())
        directory.rename(archive)
    console.print(f"combined: restarting on better branches; moved the earlier search to {archive}")


@dataclass(frozen=True)
class _BranchSearch:
    """The search of one branch by this process."""

    data: PreparedData
    out: Path
    branch: str
    options: SearchOptions
    base: RunConfig
    console: Console

    def run(self) -> keras_tuner.HyperParameters:
        """Search until all trials are done, by this process or others.

        Returns:
            The best hyperparameters of all processes that share the search.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        worker_id, worker_lock = acquire_worker_id(self.directory)
        with worker_lock:
            if worker_id > 1 and self.options.algorithm != "optuna":
                raise InputError(
                    f"{self.directory}: expected a search that only this process runs, received "
                    "one that another process runs, too; only --algorithm optuna can be shared"
                )
            # One process creates the files that all trials share.
            with hold_lock(self._shared_lock, "another process to start the search", self.console):
                tuner = self._create_tuner(worker_id)
                self._start(tuner.oracle, worker_id)
            tuner.search()
        for other_id in wait_for_other_workers(self.directory, worker_id, self.console):
            # A killed process leaves running trials, which only a worker of its ID resumes.
            if _has_running_trials(tuner.oracle):
                self._create_tuner(other_id).search()
        with hold_lock(self._shared_lock, "another process to write the results", self.console):
            return write_results(tuner.oracle, self.directory, self.console)

    @property
    def directory(self) -> Path:
        """Folder of the branch."""
        return self.out / self.branch

    @property
    def _shared_lock(self) -> Path:
        return self.directory / "shared.lock"

    def _create_tuner(self, worker_id: int) -> SearchTuner:
        run = Run.start(self.directory / "run", self.data, self.base)
        context = SearchContext(
            self.data, run, self.base, self.console, self.options.oracle_sets_epochs
        )
        oracle = self._create_oracle(f"{self._search_name()}-{worker_id}")
        return SearchTuner(oracle, create_hypermodel(self.branch, context), self.out, self.console)

    def _create_oracle(self, worker: str) -> keras_tuner.Oracle:
        options = OracleOptions(
            algorithm=self.options.algorithm,
            max_trials=self.options.trials,
            max_epochs=objective_fit_config(self.branch, self.base).epochs,
            seed=self.base.seed,
            storage=self.options.storage or self.directory / "study.db",
            study_name=f"songpop-{self.branch}-{self._study_fingerprint()}",
            worker=worker,
        )
        try:
            return create_oracle(options)
        except (ImportError, SQLAlchemyError, OptunaError) as error:
            raise InputError(f"--storage: expected a database URL, received {error}") from error
        except RuntimeError as error:  # Optuna's advice what to do with the database
            raise InputError(
                f"--storage: expected a database of Optuna {optuna.__version__}, received: {error}"
            ) from error

    def _start(self, oracle: keras_tuner.Oracle, worker_id: int) -> None:
        """Print the number of trials, and have a new Optuna study start with the defaults."""
        trials = remaining = self.options.trials
        if isinstance(oracle, OptunaOracle):
            remaining = oracle.remaining_trials() or 0
            if worker_id == 1 and remaining == trials:
                oracle.enqueue(default_values(oracle))
        extent = f"up to {trials} trials" if remaining == trials else f"{remaining} trials left"
        self.console.print(f"\n{self.branch}: searching with {self.options.algorithm}, {extent}")

    def _search_name(self) -> str:
        """A random name, stored in the folder: unique among searches that share a database.

        Raises:
            InputError: the folder holds a search with another algorithm or another database.
        """
        path = self.directory / _SEARCH_FILE
        algorithm = self.options.algorithm
        # The hash, because the URL may contain a password.
        storage = hashlib.sha256((self.options.storage or "").encode()).hexdigest()[:12]
        new = {"algorithm": algorithm, "storage": storage, "name": uuid.uuid4().hex[:12]}
        with reading(path, "a search (choose another --out)"):
            content = read_json(path) if path.is_file() else new
            stored = {name: str(content[name]) for name in new}
        if stored["algorithm"] != algorithm:
            raise InputError(
                f"{self.directory}: expected --algorithm {stored['algorithm']}, with which the "
                f"search was started, received {algorithm}; choose another --out"
            )
        if stored["storage"] != storage:
            raise InputError(
                f"{self.directory}: expected the --storage with which the search was started, "
                "received another; choose another --out"
            )
        write_json(path, stored)
        return stored["name"]

    def _study_fingerprint(self) -> str:
        """Hash of data and base configuration: only trials that share both are comparable."""
        tables = [self.data.manifest["fingerprints"][name] for name in (SONGS, METADATA)]
        content = json.dumps([tables, dataclasses.asdict(self.base)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def _has_running_trials(oracle: keras_tuner.Oracle) -> bool:
    oracle.remaining_trials()  # also loads the trials of other processes
    return any(trial.status == TrialStatus.RUNNING for trial in oracle.trials.values())
