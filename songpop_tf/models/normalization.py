"""Batch normalization on one device and on several."""

from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops


def batch_normalization(name: str, momentum: float = 0.99) -> layers.BatchNormalization:
    """Batch normalization over the whole batch, however many devices share it.

    By its share alone, a device would normalize by other statistics than the rest, and one that
    gets nothing of a small batch would store NaN. In a copy that Keras makes, by cloning or loading
    a model, a layer with a mask is not synchronized any more.

    Args:
        name: of the layer; it takes inputs ``(batch, ..., features)`` and a mask of one dimension
            less.
        momentum: of the moving statistics.
    """
    # Only where it is needed: the synchronized moments are rounded differently.
    synchronized = tf.distribute.has_strategy()
    layer = layers.BatchNormalization(momentum=momentum, synchronized=synchronized, name=name)
    if synchronized:
        # With a mask, Keras (3.13 to 3.15) does not synchronize. Only this object is changed: a
        # class of our own would be stored in the model's file.
        layer._moments = partial(_synchronized_moments, layer._moments)
    return layer


def _synchronized_moments(moments: Any, x: Any, mask: Any) -> tuple[Any, Any]:
    """Mean and variance ``(features,)`` of the masked values on all devices."""
    replica = tf.distribute.get_replica_context()
    if mask is None or replica is None:
        return moments(x, mask)  # type: ignore[no-any-return]
    is_known = ops.broadcast_to(mask[..., None], ops.shape(x))
    axes = list(range(len(x.shape) - 1))

    def sum_over_devices(values: Any) -> Any:
        local = ops.sum(ops.where(is_known, values, 0.0), axes)
        return replica.all_reduce("sum", local)

    count = sum_over_devices(ops.ones_like(x)) + keras.backend.epsilon()
    mean = sum_over_devices(x) / count
    return mean, sum_over_devices(ops.square(x - mean)) / count
