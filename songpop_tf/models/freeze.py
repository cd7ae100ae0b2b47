"""Branches that stay as they are while something on top of them trains."""

from typing import Any

import keras


def frozen_copy(model: keras.Model) -> keras.Model:
    """Copy a model so that training what it feeds changes nothing in it.

    Its weights are not trainable, its batch norms use their stored statistics (as Keras does for
    layers that are not trainable), and its dropout is gone: ``training=False`` at the call would
    not do, because Keras hands the outer model's ``training=True`` on to every layer inside.

    Args:
        model: a functional model; it is not changed.
    """
    copy = keras.models.clone_model(model, clone_function=_without_dropout, recursive=True)
    copy.set_weights(model.get_weights())
    copy.trainable = False
    return copy


def _without_dropout(layer: keras.layers.Layer) -> keras.layers.Layer:
    config: dict[str, Any] = layer.get_config()
    for name in ("rate", "dropout"):
        if name in config:
            config[name] = 0.0
    return type(layer).from_config(config)
