"""Fitting: losses, early stopping, resuming after an interruption."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from songpop_tf.config import FitConfig
from songpop_tf.training.callbacks import Checkpoint
from songpop_tf.training.fit import fit
from tests.songpop_tf.training.regression import (
    BATCH_SIZE,
    CONFIG,
    ROWS,
    STEPS,
    RecordingConsole,
    examples,
    train,
    without_times,
)


def test_loss_falls_and_every_epoch_is_printed(tmp_path: Path) -> None:
    console = RecordingConsole()
    history, _ = train(tmp_path / "fit.npz", console)
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert len(console.lines) == 6
    assert all("stage" in line and "validation MSE" in line for line in console.lines)
    assert ("stage epoch 1", STEPS, STEPS) in console.steps


def test_whole_epochs_in_one_execution_train_alike(tmp_path: Path) -> None:
    console = RecordingConsole()
    history, prediction = train(tmp_path / "epochs.npz", console, steps_per_execution=STEPS)
    expected, expected_prediction = train(tmp_path / "steps.npz")
    for entry, expected_entry in zip(without_times(history), without_times(expected), strict=True):
        assert entry == pytest.approx(expected_entry, rel=1e-4)
    np.testing.assert_allclose(prediction, expected_prediction, rtol=1e-4, atol=1e-4)
    assert console.steps == [(f"stage epoch {number}", STEPS, STEPS) for number in range(1, 7)]


class StopAfterThirdEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Records the logs, and stops training."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.seen: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert self.checkpoint.is_file(), "an epoch is stored before other callbacks see it"
        self.seen.append(dict(logs or {}))
        self.model.stop_training = epoch == 2


def test_callbacks_see_the_logs_of_every_epoch_and_can_stop_training(tmp_path: Path) -> None:
    callback = StopAfterThirdEpoch(tmp_path / "fit.npz")
    history, _ = train(tmp_path / "fit.npz", callbacks=[callback])
    assert len(history) == len(callback.seen) == 3
    first, second, _ = callback.seen
    assert first["learning_rate"] == pytest.approx(CONFIG.learning_rate)
    assert second["learning_rate"] < first["learning_rate"], "it decays along a cosine"
    assert first["songs_per_second"] > 0


def test_auxiliary_output_learns_from_known_targets(tmp_path: Path) -> None:
    x, popularity = examples()
    auxiliary = np.where(np.arange(ROWS)[:, None] % 2, np.nan, x[:, :2]).astype("float32")
    targets = {"popularity": popularity, "audio_features": auxiliary}
    rows = tf.data.Dataset.from_tensor_slices((x, targets)).batch(BATCH_SIZE)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    outputs = {
        "popularity": keras.layers.Dense(1)(inputs),
        "audio_features": keras.layers.Dense(2)(inputs),
    }
    model = keras.Model(inputs, outputs)
    history = fit(
        model,
        rows.repeat(),
        rows,
        stage="stage",
        config=FitConfig(0.1, epochs=30, batch_size=BATCH_SIZE, patience=30, weight_decay=0),
        steps_per_epoch=STEPS,
        checkpoint=Checkpoint(tmp_path / "fit.npz", patience=30),
        loss_weights={"audio_features": 10.0},
    )
    prediction = model.predict(x, verbose=0)
    np.testing.assert_allclose(prediction["audio_features"], x[:, :2], atol=0.2)
    # The history's losses are those of popularity alone.
    best = min(entry["val_loss"] for entry in history)
    assert np.mean((prediction["popularity"] - popularity) ** 2) == pytest.approx(best, rel=1e-3)


def test_model_keeps_the_weights_of_its_best_epoch(tmp_path: Path) -> None:
    history, prediction = train(tmp_path / "fit.npz")
    best = min(entry["val_loss"] for entry in history)
    assert np.mean((prediction - examples()[1]) ** 2) == pytest.approx(best, rel=1e-3)


def test_interrupted_fit_resumes_and_ends_as_if_never_interrupted(tmp_path: Path) -> None:
    expected, expected_prediction = train(tmp_path / "uninterrupted.npz")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "fit.npz", RecordingConsole(interrupt_at_line=3))
    console = RecordingConsole()
    history, prediction = train(tmp_path / "fit.npz", console)
    assert console.lines[0] == "stage: resuming from epoch 4"
    assert len(console.lines) == 1 + 3
    assert [entry["epoch"] for entry in history] == [entry["epoch"] for entry in expected]
    for entry, expected_entry in zip(without_times(history), without_times(expected), strict=True):
        assert entry == pytest.approx(expected_entry, rel=1e-3)
    np.testing.assert_allclose(prediction, expected_prediction, rtol=1e-2, atol=1e-2)


def test_finished_fit_trains_no_further_epoch(tmp_path: Path) -> None:
    history, prediction = train(tmp_path / "fit.npz")
    console = RecordingConsole()
    again, same_prediction = train(tmp_path / "fit.npz", console)
    assert again == history
    assert console.lines == []
    np.testing.assert_allclose(same_prediction, prediction, rtol=1e-5)


def test_patience_stops_early(tmp_path: Path) -> None:
    config = FitConfig(learning_rate=0.3, epochs=50, batch_size=BATCH_SIZE, patience=2)
    history, prediction = train(tmp_path / "fit.npz", config=config)
    assert len(history) < 50
    losses = [entry["val_loss"] for entry in history]
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    again, same_prediction = train(tmp_path / "fit.npz", config=config)
    assert again == history, "a restart does not forget that it stopped early"
    np.testing.assert_allclose(same_prediction, prediction, rtol=1e-5)


def test_divergence_is_an_error(tmp_path: Path) -> None:
    config = FitConfig(learning_rate=1e30, epochs=5, batch_size=BATCH_SIZE, patience=5)
    with pytest.raises(FloatingPointError, match="stage: expected a finite loss.*rate below 1e"):
        train(tmp_path / "fit.npz", config=config)
