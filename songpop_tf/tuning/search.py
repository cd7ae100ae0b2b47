"""A search: from prepared data to ``best.toml``."""

import dataclasses
import hashlib
import json
import uuid
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import TrialStatus
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from pipelines.errors import InputError
from pipelines.files import read_json, write_json
from pipelines.prepared import METADATA, SONGS, PreparedData
from songpop_tf.config import RunConfig, save_config
from songpop_tf.training.fit import Console
from songpop_tf.training.run import BRANCHES, CONFIG, Run
from songpop_tf.tuning.hypermodels import Subject, hypermodel_of
from songpop_tf.tuning.optuna_oracle import OptunaOracle
from songpop_tf.tuning.oracles import defaults_of, oracle_of
from songpop_tf.tuning.results import report
from songpop_tf.tuning.spaces import configured, last_fit
from songpop_tf.tuning.tuner import SearchTuner
from songpop_tf.tuning.workers import alone, others_when_over, own_number, waiting_for

BEST = "best.toml"


@dataclass(frozen=True)
class Plan:
    """How to search.

    Attributes:
        algorithm: one of :data:`songpop_tf.tuning.oracles.ALGORITHMS`.
        trials: how many at most for each branch, the defaults included.
        storage: database URL of the Optuna study, if not a file in the search's folder.
    """

    algorithm: str
    trials: int
    storage: str | None = None


def search(
    data: PreparedData, out: Path, branch: str, plan: Plan, base: RunConfig, console: Console
) -> RunConfig:
    """Search the hyperparameters of a branch, or go on with a search.

    Several processes may share a search by Optuna: on one machine through the same ``out``, on
    several through a database.

    Args:
        data: the songs to train and validate on.
        out: folder of the search; ``best.toml`` and a folder for each branch are written there.
        branch: "text", "cnn", "combined", or "all": both branches, and the head on the best of
            them.
        plan: how to search.
        base: the configuration to start from, which is the first trial.
        console: is told of trials and epochs.

    Returns:
        The best configuration.

    Raises:
        InputError: the folder holds another search, no trial succeeded, or the database cannot be
            used.
    """
    best = base
    for one in BRANCHES if branch == "all" else (branch,):
        # A branch is searched whatever the other's settings are; the head needs both.
        start = best if one == "combined" else base
        if one == "combined" and branch == "all":
            _set_aside(out / one, start, console)
        found = _BranchSearch(data, out, one, plan, start, console).run()
        best = configured(one, found, best, plan.algorithm == "hyperband")
        with waiting_for(out / "best.lock", "another process", console):
            save_config(best, out / BEST)
    return best


def _set_aside(folder: Path, base: RunConfig, console: Console) -> None:
    """Make place for a search of the head on ``base``, if the folder's is on other branches.

    Raises:
        InputError: another process searches there.
    """
    run = folder / "run"
    if not run.is_dir():
        return
    with alone(folder) as free:
        if not (run / CONFIG).is_file() or Run.open(run).config() == base:
            return
        if not free:
            raise InputError(
                f"{folder}: expected a search on the best branches that are known now, found "
                "another process that searches on others; wait for it and start again"
            )
        numbered = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
        aside = next(path for path in numbered if not path.exists())
        folder.rename(aside)
    console.say(f"combined: begins anew on better branches; its earlier search is in {aside}")


@dataclass(frozen=True)
class _BranchSearch:
    """The search of one branch by one process."""

    data: PreparedData
    out: Path
    branch: str
    plan: Plan
    base: RunConfig
    console: Console

    def run(self) -> keras_tuner.HyperParameters:
        """Search; the best values of all processes that share the search."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number, held = own_number(self.folder)
        with held:
            if number > 1 and self.plan.algorithm != "optuna":
                raise InputError(
                    f"{self.folder}: expected a search that no other process runs, found one; "
                    "only --algorithm optuna can be shared"
                )
            # What all trials share is made by one process, while others wait.
            with waiting_for(self._shared, "another process that begins the search", self.console):
                tuner = self._tuner(number)
                self._begin(tuner.oracle, number)
            tuner.search()
        for other in others_when_over(self.folder, number, self.console):
            if _runs(tuner.oracle):  # it was killed: what it left would never be run
                self._tuner(other).search()
        with waiting_for(self._shared, "another process that ends the search", self.console):
            return report(tuner.oracle, self.folder, self.console)

    @property
    def folder(self) -> Path:
        """Folder of the branch."""
        return self.out / self.branch

    @property
    def _shared(self) -> Path:
        return self.folder / "shared.lock"

    def _tuner(self, number: int) -> SearchTuner:
        run = Run.start(self.folder / "run", self.data, self.base)
        name = self._name()
        hyperband = self.plan.algorithm == "hyperband"
        subject = Subject(self.data, run, self.base, self.console, hyperband)
        try:
            oracle = oracle_of(
                self.plan.algorithm,
                self.plan.trials,
                last_fit(self.branch, self.base).epochs,
                self.base.seed,
                self.plan.storage or self.folder / "study.db",
                f"songpop-{self.branch}-{self._digest()}",
                f"{name}-{number}",
            )
        except (ImportError, SQLAlchemyError, StorageInternalError) as error:
            raise InputError(f"--storage: expected a database URL, received {error}") from error
        hypermodel = hypermodel_of(self.branch, subject)
        return SearchTuner(oracle, hypermodel, self.out, self.console)

    def _begin(self, oracle: keras_tuner.Oracle, number: int) -> None:
        left = self.plan.trials
        if isinstance(oracle, OptunaOracle):
            left = oracle.remaining_trials() or 0
            if number == 1 and left == self.plan.trials:
                oracle.enqueue(defaults_of(oracle))
        told = f"up to {self.plan.trials} trials" if left == self.plan.trials else f"{left} left"
        self.console.say(f"\n{self.branch}: searches by {self.plan.algorithm}, {told}")

    def _name(self) -> str:
        """A name for the folder that no other folder bears, wherever it is.

        Raises:
            InputError: the folder holds a search by another algorithm or in another database.
        """
        path = self.folder / "search.json"
        storage = hashlib.sha256((self.plan.storage or "").encode()).hexdigest()[:12]
        asked = {"algorithm": self.plan.algorithm, "storage": storage}
        known = read_json(path) if path.is_file() else {**asked, "name": uuid.uuid4().hex[:12]}
        if known["algorithm"] != self.plan.algorithm:
            raise InputError(
                f"{self.folder}: expected --algorithm {known['algorithm']}, by which it was begun, "
                f"received {self.plan.algorithm}; choose another --out"
            )
        if known["storage"] != storage:
            raise InputError(
                f"{self.folder}: expected the --storage with which it was begun, received another; "
                "choose another --out"
            )
        write_json(path, known)
        return str(known["name"])

    def _digest(self) -> str:
        """What tells studies in one database apart: only trials of one kind can be compared."""
        tables = [self.data.manifest["fingerprints"][name] for name in (SONGS, METADATA)]
        told = json.dumps([tables, dataclasses.asdict(self.base)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def _runs(oracle: keras_tuner.Oracle) -> bool:
    """Whether a trial was begun that is not over."""
    oracle.remaining_trials()  # takes in what others have done
    return any(trial.status == TrialStatus.RUNNING for trial in oracle.trials.values())
