"""Fixtures of the tests of `keras_tuner_optuna`; they need no other tests of this repository."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from keras_tuner_optuna import OptunaOracle

from .oracles import float_space, journal_storage, make_oracle

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(params=["memory", "journal"])
def new_oracle(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., OptunaOracle]:
    """Creates an oracle on the test's directory: each call is like a restarted process."""

    def create(**kwargs: Any) -> OptunaOracle:
        storage = journal_storage(tmp_path) if request.param == "journal" else None
        hyperparameters = kwargs.pop("hyperparameters", None) or float_space()
        return make_oracle(tmp_path, storage=storage, hyperparameters=hyperparameters, **kwargs)

    return create
