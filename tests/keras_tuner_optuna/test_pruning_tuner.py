"""The pruning tuner stops the trials that Optuna's pruner prunes."""

import itertools
import warnings
from concurrent import futures
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner.engine.trial import TrialStatus

from keras_tuner_optuna import INTERMEDIATE, OptunaOracle, PruningTuner

from .oracles import make_oracle, run_trials, trial_states


def run_curves(oracle: OptunaOracle, prefix: str, epochs: int = 4) -> list[int]:
    """Number of epochs that each trial runs; each trial is worse than the one before it."""
    epoch_counts: list[int] = []
    while (trial := oracle.create_trial("a")).status != TrialStatus.STOPPED:
        level = float(len(epoch_counts))
        for epoch in range(epochs):
            metrics = {prefix + "val_loss": level + 1 / (epoch + 1)}
            if oracle.update_trial(trial.trial_id, metrics, step=epoch).status == "STOPPED":
                break
        epoch_counts.append(epoch + 1)
        if prefix:
            oracle.update_trial(trial.trial_id, {"val_loss": level}, step=epoch)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return epoch_counts


@pytest.mark.parametrize("prefix", [INTERMEDIATE, ""])
def test_pruned_trials_are_stopped(new_oracle: Any, prefix: str) -> None:
    options = {"pruner": "MedianPruner", "pruner_options": {"n_startup_trials": 2}, "max_trials": 4}
    oracle = new_oracle(**options)
    pruned = 1 if prefix else 2  # without the prefix, a first report may be the result
    assert run_curves(oracle, prefix) == [4, 4, pruned, pruned]
    assert trial_states(oracle) == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED"]
    assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED"] * 2 + ["STOPPED"] * 2
    assert [trial.score for trial in oracle.get_best_trials(2)] == [
        0.0 if prefix else 0.25,
        1.0 if prefix else 1.25,
    ]
    again = new_oracle(**{**options, "max_trials": 5})
    again.reload()
    assert trial_states(again) == trial_states(oracle)
    reported = [trial.intermediate_values for trial in oracle.study.trials]
    assert [trial.intermediate_values for trial in again.study.trials] == reported
    assert again.create_trial("a").trial_id == "4"


def test_result_alone_is_never_pruned(new_oracle: Any) -> None:
    oracle = new_oracle(pruner="MedianPruner", pruner_options={"n_startup_trials": 0}, max_trials=6)
    value = itertools.count()
    run_trials(oracle, lambda _: next(value))
    assert trial_states(oracle) == ["COMPLETE"] * 6


def build_model(hp: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    optimizer = keras.optimizers.SGD(hp.Choice("rate", [0.1, 0.05, 1e-6]))
    model.compile(optimizer, "mse", run_eagerly=True)
    return model


DATA = np.linspace(-1, 1, 16, dtype="float32")[:, None]


FIT = {
    "x": DATA,
    "y": 3 * DATA,
    "validation_data": (DATA, 3 * DATA),
    "batch_size": 16,
    "verbose": 0,
}


class EpochCounter(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Counts the epochs of every trial, across the copies that Keras Tuner makes of it."""

    counts: list[int] = []  # noqa: RUF012

    def on_train_begin(self, _: Any = None) -> None:
        self.counts.append(0)

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.counts[-1] += 1


def pruning_oracle(path: Path, trials: int = 2) -> OptunaOracle:
    options = {"n_startup_trials": 1}
    oracle = make_oracle(path, pruner="MedianPruner", pruner_options=options, max_trials=trials)
    hps = keras_tuner.HyperParameters()
    hps.Choice("rate", [0.1, 0.05, 1e-6])
    oracle.update_space(hps)
    for rate in (0.1, 1e-6):
        oracle.enqueue({"rate": rate})
    return oracle


def test_keras_training_stops_early(tmp_path: Path) -> None:
    oracle = pruning_oracle(tmp_path)
    EpochCounter.counts.clear()
    tuner = PruningTuner(oracle, build_model, directory=tmp_path, project_name="project")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tuner.search(**FIT, epochs=4, callbacks=[EpochCounter()])
    assert not [w for w in caught if "self.oracle.update_trial" in str(w.message)]
    assert EpochCounter.counts == [4, 1]
    assert trial_states(oracle) == ["COMPLETE", "PRUNED"]
    assert oracle.study.trials[0].value == oracle.get_best_trials()[0].score
    assert len(oracle.study.trials[0].intermediate_values) == 4
    assert tuner.get_best_hyperparameters()[0].values == {"rate": 0.1}
    assert tuner.get_best_models()[0].predict(DATA, verbose=0).shape == (16, 1)


def test_plain_tuner_reports_no_epochs(tmp_path: Path) -> None:
    oracle = pruning_oracle(tmp_path, trials=1)
    tuner = keras_tuner.Tuner(oracle, build_model, directory=tmp_path, project_name="project")
    tuner.search(**FIT, epochs=2)
    assert trial_states(oracle) == ["COMPLETE"]
    assert len(oracle.study.trials[0].intermediate_values) == 1  # the result


def test_pruning_with_a_remote_oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grpc = pytest.importorskip("grpc")
    from keras_tuner.src import protos
    from keras_tuner.src.distribute import oracle_chief

    chief = pruning_oracle(tmp_path / "chief")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(
        oracle_chief.OracleServicer(chief), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
    EpochCounter.counts.clear()
    tuner = PruningTuner(OptunaOracle("val_loss"), build_model, directory=tmp_path)
    tuner.search(**FIT, epochs=3, callbacks=[EpochCounter()])
    server.stop(None)
    assert EpochCounter.counts == [3, 1]
    assert trial_states(chief) == ["COMPLETE", "PRUNED"]
