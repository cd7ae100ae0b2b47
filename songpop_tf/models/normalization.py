"""Batch normalization on one device and on several."""

import tensorflow as tf
from keras import layers


def batch_normalization(name: str, momentum: float = 0.99) -> layers.BatchNormalization:
    """Batch normalization over the whole batch, however many devices share it.

    By its share alone, a device would normalize by other statistics than the rest, and one that
    gets nothing of a small batch would store NaN.

    Args:
        name: of the layer.
        momentum: of the moving statistics.
    """
    # Only where it is needed: the synchronized moments are rounded differently.
    synchronized = tf.distribute.has_strategy()
    return layers.BatchNormalization(momentum=momentum, synchronized=synchronized, name=name)
