"""`OptunaOracle`: Keras Tuner's `Oracle` interface on top of an Optuna study.

    oracle = OptunaOracle("val_loss", max_trials=50, pruner="MedianPruner",
                          storage="search.db", study_name="cnn")
    tuner = PruningTuner(oracle, hypermodel=build_model, directory="tuning")
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=20)

The package requires only Keras Tuner and Optuna.
"""

from .atomic_oracle import AtomicOracle
from .optuna_oracle import OptunaOracle
from .pruning_tuner import PruningMixin, PruningTuner
from .to_study import to_study
from .trial_store import INTERMEDIATE

__all__ = [
    "INTERMEDIATE",
    "AtomicOracle",
    "OptunaOracle",
    "PruningMixin",
    "PruningTuner",
    "to_study",
]
