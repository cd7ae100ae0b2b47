"""Fit a small model on one device, and on two; print both histories as JSON.

A program of its own, because devices are set up before TensorFlow is used.
"""

import json
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from songpop_tf.config import FitConfig
from songpop_tf.models.normalization import batch_normalization
from songpop_tf.training.callbacks import Checkpoint, History
from songpop_tf.training.devices import DEVICES, distribution_strategy
from songpop_tf.training.fit import fit
from tests.songpop_tf.training.regression import examples, without_times

BATCH_SIZE = 16


def train(devices: str, rows: int) -> History:
    """Fit a model without dropout, whose noise differs between devices, to so many rows."""
    config = FitConfig(learning_rate=0.05, epochs=3, batch_size=BATCH_SIZE, patience=3)
    inputs, targets = examples()
    steps = -(-rows // BATCH_SIZE)
    examples_of_epoch = tf.data.Dataset.from_tensor_slices((inputs[:rows], targets[:rows]))
    with tempfile.TemporaryDirectory() as folder, distribution_strategy(devices).scope():
        keras.utils.set_random_seed(0)
        layer_input = keras.Input((3,))
        is_known = layer_input[:, 0] > 0
        known = batch_normalization("masked_norm", momentum=0.9)(layer_input, mask=is_known)
        known = known * keras.ops.cast(is_known, "float32")[:, None]
        hidden = keras.layers.Dense(8, activation="relu")(known)
        outputs = keras.layers.Dense(1)(batch_normalization("norm", momentum=0.9)(hidden))
        history = fit(
            keras.Model(layer_input, outputs),
            examples_of_epoch.batch(BATCH_SIZE).repeat(),
            examples_of_epoch.batch(7),
            stage="stage",
            config=config,
            steps_per_epoch=steps,
            checkpoint=Checkpoint(Path(folder) / "fit.npz", patience=3),
            steps_per_execution=steps,
        )
    return without_times(history)


def divide_cpu() -> None:
    """Make two devices of the CPU the only ones, before TensorFlow is used."""
    tf.config.set_visible_devices([], "GPU")
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


if __name__ == "__main__":
    divide_cpu()
    replicas = distribution_strategy("all").num_replicas_in_sync
    histories = {rows: {name: train(name, rows) for name in DEVICES} for rows in (32, 33)}
    print(json.dumps({"replicas": replicas, "histories": histories}))
