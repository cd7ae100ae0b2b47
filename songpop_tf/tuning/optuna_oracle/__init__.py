"""`OptunaOracle`: Keras Tuner's `Oracle` interface over an Optuna study.

    oracle = OptunaOracle("val_loss", max_trials=50, pruner="MedianPruner",
                          storage="search.db", study_name="cnn")
    tuner = PruningTuner(oracle, hypermodel=build_model, directory="tuning")
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=20)

It needs nothing but Keras Tuner and Optuna.
"""

from .atomic import AtomicOracle
from .finished import as_study
from .oracle import OptunaOracle
from .study import INTERMEDIATE
from .tuner import PruningMixin, PruningTuner

__all__ = [
    "INTERMEDIATE",
    "AtomicOracle",
    "OptunaOracle",
    "PruningMixin",
    "PruningTuner",
    "as_study",
]
