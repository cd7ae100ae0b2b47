"""What the tests of the Optuna oracle share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from songpop_tf.tuning.optuna_oracle import OptunaOracle
from tests.songpop_tf.tuning.oracles import journal, make, one_float

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(params=["memory", "journal"])
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., OptunaOracle]:
    """Makes an oracle on the test's directory: each call is like a process started anew."""

    def start(**kwargs: Any) -> OptunaOracle:
        storage = journal(tmp_path) if request.param == "journal" else None
        hyperparameters = kwargs.pop("hyperparameters", None) or one_float()
        return make(tmp_path, storage=storage, hyperparameters=hyperparameters, **kwargs)

    return start
