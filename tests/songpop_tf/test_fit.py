"""The fit loop: early stopping, best weights, going on after an interruption."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from songpop_tf.config import FitConfig
from songpop_tf.training.fit import fit

ROWS, BATCH = 64, 16
STEPS = ROWS // BATCH
CONFIG = FitConfig(learning_rate=0.05, epochs=6, batch_size=BATCH, patience=6)


class Recorder:
    """A console that remembers."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self._stop_after = stop_after

    def progress(self, what: str, done: int, total: int) -> None:
        self.steps.append((what, done, total))

    def say(self, text: str) -> None:
        self.lines.append(text)
        if self._stop_after is not None and len(self.lines) == self._stop_after:
            raise KeyboardInterrupt


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
    return x, (x @ np.array([[3.0], [-2.0], [1.0]])).astype("float32")


def endless(first_epoch: int) -> tf.data.Dataset:
    rows = tf.data.Dataset.from_tensor_slices(data()).shuffle(ROWS, seed=1).batch(BATCH)
    return rows.repeat().skip(first_epoch * STEPS)


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((3,))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(x))
    return keras.Model(x, keras.layers.Dense(1)(keras.layers.BatchNormalization()(hidden)))


def run(
    state: Path, console: Recorder, config: FitConfig = CONFIG, *, whole_epochs: bool = False
) -> tuple[list[dict[str, float]], np.ndarray]:
    made = model()
    validation = tf.data.Dataset.from_tensor_slices(data()).batch(BATCH // 3)
    history = fit(
        made,
        endless,
        STEPS,
        validation,
        config,
        state,
        "stage",
        console,
        whole_epochs=whole_epochs,
    )
    return history, made.predict(data()[0], verbose=0)


def without_time(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [
        {key: value for key, value in one.items() if key not in ("seconds", "songs_per_second")}
        for one in history
    ]


def test_the_loss_falls_and_every_epoch_is_told(tmp_path: Path) -> None:
    console = Recorder()
    history, _ = run(tmp_path / "state.npz", console)
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert len(console.lines) == 6
    assert all("stage" in line and "validation MSE" in line for line in console.lines)
    assert ("stage epoch 1", STEPS, STEPS) in console.steps


def test_epochs_in_one_go_are_the_same_epochs(tmp_path: Path) -> None:
    console = Recorder()
    history, prediction = run(tmp_path / "whole.npz", console, whole_epochs=True)
    expected, expected_prediction = run(tmp_path / "steps.npz", Recorder())
    for entry, expected_entry in zip(without_time(history), without_time(expected), strict=True):
        assert entry == pytest.approx(expected_entry, rel=1e-4)
    np.testing.assert_allclose(prediction, expected_prediction, rtol=1e-4, atol=1e-4)
    assert console.steps == [(f"stage epoch {n}", STEPS, STEPS) for n in range(1, 7)]


def test_watchers_see_every_epoch_and_may_end_the_training(tmp_path: Path) -> None:
    seen: list[tuple[str, float, float]] = []

    def watcher(stage: str, watched: keras.Model, entry: dict[str, float]) -> None:
        seen.append((stage, entry["epoch"], entry["learning_rate"]))
        assert entry["songs_per_second"] > 0
        assert (tmp_path / "state.npz").is_file()
        if entry["epoch"] == 3:
            watched.stop_training = True

    validation = tf.data.Dataset.from_tensor_slices(data()).batch(BATCH)
    watched = model()
    history = fit(
        watched,
        endless,
        STEPS,
        validation,
        CONFIG,
        tmp_path / "state.npz",
        "stage",
        Recorder(),
        watchers=[watcher],
    )
    assert [one[:2] for one in seen] == [("stage", 1), ("stage", 2), ("stage", 3)]
    assert seen[0][2] == pytest.approx(CONFIG.learning_rate)
    assert seen[1][2] < seen[0][2], "it falls along a cosine"
    assert len(history) == 3


def test_a_second_answer_is_learned_where_it_is_known(tmp_path: Path) -> None:
    x, popularity = data()
    second = np.where(np.arange(ROWS)[:, None] % 2, np.nan, x[:, :2]).astype("float32")
    targets = {"popularity": popularity, "sound": second}
    rows = tf.data.Dataset.from_tensor_slices((x, targets)).batch(BATCH)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    answers = {
        "popularity": keras.layers.Dense(1)(inputs),
        "sound": keras.layers.Dense(2)(inputs),
    }
    made = keras.Model(inputs, answers)
    history = fit(
        made,
        lambda epoch: rows.repeat().skip(epoch * STEPS),
        STEPS,
        rows,
        FitConfig(learning_rate=0.1, epochs=30, batch_size=BATCH, patience=30, weight_decay=0),
        tmp_path / "state.npz",
        "stage",
        Recorder(),
        weights={"sound": 10.0},
    )
    found = made.predict(x, verbose=0)
    np.testing.assert_allclose(found["sound"], x[:, :2], atol=0.2)
    # What is told of an epoch is popularity's.
    best = min(entry["val_loss"] for entry in history)
    assert np.mean((found["popularity"] - popularity) ** 2) == pytest.approx(best, rel=1e-3)


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    history, prediction = run(tmp_path / "state.npz", Recorder())
    best = min(entry["val_loss"] for entry in history)
    assert np.mean((prediction - data()[1]) ** 2) == pytest.approx(best, rel=1e-3)


def test_an_interrupted_fit_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, expected = run(tmp_path / "whole.npz", Recorder())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "state.npz", Recorder(stop_after=3))
    console = Recorder()
    history, prediction = run(tmp_path / "state.npz", console)
    assert console.lines[0] == "stage: goes on after epoch 3"
    assert len(console.lines) == 1 + 3
    assert [entry["epoch"] for entry in history] == [entry["epoch"] for entry in whole]
    for now, then in zip(without_time(history), without_time(whole), strict=True):
        assert now == pytest.approx(then, rel=1e-3)
    np.testing.assert_allclose(prediction, expected, rtol=1e-2, atol=1e-2)


def test_a_finished_fit_trains_no_more(tmp_path: Path) -> None:
    history, prediction = run(tmp_path / "state.npz", Recorder())
    console = Recorder()
    again, same = run(tmp_path / "state.npz", console)
    assert again == history
    assert len(console.lines) == 1
    np.testing.assert_allclose(same, prediction, rtol=1e-5)


def test_patience_stops_early(tmp_path: Path) -> None:
    config = FitConfig(learning_rate=0.3, epochs=50, batch_size=BATCH, patience=2)
    history, _ = run(tmp_path / "state.npz", Recorder(), config)
    assert len(history) < 50
    losses = [entry["val_loss"] for entry in history]
    assert len(losses) - 1 - int(np.argmin(losses)) == 2


def test_a_loss_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    config = FitConfig(learning_rate=1e30, epochs=5, batch_size=BATCH, patience=5)
    with pytest.raises(FloatingPointError, match="learning rate below"):
        run(tmp_path / "state.npz", Recorder(), config)
