"""The devices that a model is trained on."""

import keras
import tensorflow as tf

from songpop_tf.training.configurations import require_choice

DEVICES = ("one", "all")


def distribution_strategy(devices: str) -> tf.distribute.Strategy:
    """How training is distributed, for ``strategy.scope()``.

    Args:
        devices: "one": TensorFlow's default; "all": every batch is divided among the GPUs, or among
            the logical CPU devices if there is no GPU; with a single one as "one".

    Raises:
        InputError: other devices.
    """
    require_choice("devices", devices, DEVICES)
    if devices == "one":
        return tf.distribute.get_strategy()
    logical = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(logical) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in logical])


def accept_unequal_shares(model: keras.Model) -> None:
    """Let a model whose state is built be fitted to batches that devices cannot share equally.

    To build state, Keras (3.13 to 3.15) averages the first batch over the devices, which fails
    unless all have received as many rows.
    """
    if tf.distribute.has_strategy():
        model._maybe_symbolic_build = lambda **_: None


def supported_steps_per_execution(steps: int) -> int:
    """``steps_per_execution`` of ``keras.Model.compile``, which is 1 for several devices.

    The loop over steps that Keras (3.13 to 3.15) compiles fails there: "You must feed a value for
    placeholder tensor 'while/body/...'".
    """
    return 1 if tf.distribute.has_strategy() else steps
