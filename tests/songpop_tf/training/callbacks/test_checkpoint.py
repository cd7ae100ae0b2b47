"""Checkpoints in a plain Keras ``fit``, without the rest of this package."""

from pathlib import Path

import keras
import numpy as np
import pytest

from songpop_tf.training.callbacks import Checkpoint
from tests.songpop_tf.training.regression import (
    BATCH_SIZE,
    STEPS,
    examples,
    small_model,
    train_dataset,
)


class StopAt(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises after an epoch, as a killed process would stop."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        if epoch == self.epoch:
            raise KeyboardInterrupt


def train(path: Path, *callbacks: keras.callbacks.Callback) -> tuple[Checkpoint, keras.Model]:
    model = small_model()
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(path, patience=10)
    checkpoint.restore(model)
    model.fit(
        train_dataset(checkpoint.completed_epochs),
        steps_per_epoch=STEPS,
        initial_epoch=checkpoint.completed_epochs,
        epochs=5,
        validation_data=examples(),
        validation_batch_size=BATCH_SIZE,
        callbacks=[checkpoint, *callbacks],
        shuffle=False,
        verbose=0,
    )
    return checkpoint, model


def test_resumed_fit_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    expected, expected_model = train(tmp_path / "uninterrupted.npz")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "fit.npz", StopAt(2))
    assert Checkpoint(tmp_path / "fit.npz", patience=10).completed_epochs == 2
    resumed, model = train(tmp_path / "fit.npz")
    assert [entry["epoch"] for entry in resumed.history] == [1, 2, 3, 4, 5]
    for entry, expected_entry in zip(resumed.history, expected.history, strict=True):
        assert entry == pytest.approx(expected_entry, rel=1e-3)
    for weight, expected_weight in zip(model.weights, expected_model.weights, strict=True):
        np.testing.assert_allclose(weight, expected_weight, rtol=1e-2, atol=1e-2)


def test_logs_gain_the_lowest_value_so_far(tmp_path: Path) -> None:
    checkpoint, _ = train(tmp_path / "fit.npz")
    losses = [entry["val_loss"] for entry in checkpoint.history]
    best = [entry["best_val_loss"] for entry in checkpoint.history]
    assert best == np.minimum.accumulate(losses).tolist()


def test_missing_checkpoint_starts_from_the_beginning(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "fit.npz", patience=10)
    assert checkpoint.completed_epochs == 0
    assert checkpoint.should_continue
