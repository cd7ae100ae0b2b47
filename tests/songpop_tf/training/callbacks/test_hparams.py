"""Trials for TensorBoard's HParams page."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tensorboard.plugins.hparams import metadata as hparams_metadata

from songpop_tf.training.callbacks import HParams
from songpop_tf.training.callbacks.hparams import write_experiment, write_trial
from tests.songpop_tf.training.callbacks.stage import load_events, scalars


def test_trial_holds_its_values_and_the_lowest_validation_loss(tmp_path: Path) -> None:
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", jit_compile=False)
    x = np.ones((4, 1))
    callback = HParams(tmp_path / "0", {"cnn.bands": 64})
    history = model.fit(
        x, x, validation_data=(x, x), epochs=3, callbacks=[callback], verbose=0
    ).history
    lowest = pytest.approx(min(history["val_loss"]), rel=1e-6)
    assert scalars(tmp_path / "0", "validation_mse") == {0: lowest}
    stored = load_events(tmp_path / "0").summary_metadata[hparams_metadata.SESSION_START_INFO_TAG]
    started = hparams_metadata.parse_session_start_info_plugin_data(stored.plugin_data.content)
    assert started.hparams["cnn.bands"].number_value == 64


def test_trial_written_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    for mse in (300.0, 200.0):
        write_trial(tmp_path / "0", {"cnn.bands": 64}, "validation_mse", mse)
    assert scalars(tmp_path / "0", "validation_mse") == {0: 200.0}


def test_checkpoint_s_best_value_counts_for_a_resumed_trial(tmp_path: Path) -> None:
    callback = HParams(tmp_path / "0", {})
    callback.on_epoch_end(5, {"val_loss": 300.0, "best_val_loss": 250.0})
    callback.on_train_end()
    assert scalars(tmp_path / "0", "validation_mse") == {0: 250.0}


def test_experiment_needs_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cnn\.bands: expected one value or more, received none"):
        write_experiment(tmp_path, {"cnn.bands": []}, ["validation_mse"])
