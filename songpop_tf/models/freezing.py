"""Frozen copies of models, for transfer learning."""

from typing import Any

import keras


def frozen_copy(model: keras.Model) -> keras.Model:
    """Copy a model so that it always runs in inference mode, also inside a model that is trained.

    The copy's weights are not trainable, its batch normalization uses the moving statistics (as
    Keras does for layers that are not trainable), and its dropout rates are 0. Calling the copy
    with ``training=False`` would not disable dropout: Keras passes the outer model's
    ``training=True`` on to every nested layer.

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
