"""The last layers that every model shares: from features to popularity on its own scale."""

import math
from typing import Any

import keras
from keras import ops

FEATURES = "features"
"""Name of the layer whose output a branch hands to the fused head."""
LOGIT = "logit"
"""Name of the layer that holds the popularity before it is brought to 0-100."""

_FULL_SCALE = 100.0
_NEAREST_TO_THE_ENDS = 0.5


def popularity(features: Any, start: Any) -> Any:
    """Map features ``(batch, n)`` to popularity ``(batch, 1)``, always within 0-100.

    A sigmoid spans the scale, and what the features say is added to a start: the network's own
    numbers stay near 1 whatever the labels' mean and spread.

    Args:
        features: symbolic tensor.
        start: where every song stands before anything is learned: a popularity (the mean of the
            training songs), or a symbolic ``(batch, 1)`` tensor of logits.

    Raises:
        ValueError: ``start`` is a popularity that does not lie between 0 and 100.
    """
    if keras.backend.is_keras_tensor(start):
        correction = _score(features, "zeros")
        logit = keras.layers.Add(dtype="float32", name=LOGIT)([correction, start])
    elif 0 < start < _FULL_SCALE:
        bias = keras.initializers.Constant(math.log(start / (_FULL_SCALE - start)))
        logit = keras.layers.Identity(dtype="float32", name=LOGIT)(_score(features, bias))
    else:
        raise ValueError(f"mean popularity must lie between 0 and 100, received {start}")
    share = keras.layers.Activation("sigmoid", dtype="float32", name="share")(logit)
    return keras.layers.Rescaling(_FULL_SCALE, dtype="float32", name="popularity")(share)


def _score(features: Any, bias: Any) -> Any:
    # Every song begins at its start: random weights would first have to be unlearned.
    return keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer=bias, dtype="float32", name="score"
    )(features)


def logits(popularities: Any) -> Any:
    """Logits ``(batch, 1)`` of popularities ``(batch,)``, kept off the ends of the scale."""
    near = ops.clip(popularities, _NEAREST_TO_THE_ENDS, _FULL_SCALE - _NEAREST_TO_THE_ENDS)
    return ops.log(near / (_FULL_SCALE - near))[:, None]


def findings_of(branch: keras.Model, *names: str) -> keras.Model:
    """The part of a branch that ends at some of its layers, sharing its weights.

    Returns:
        Model from the branch's inputs to a dictionary by layer name.
    """
    ends = {name: branch.get_layer(name).output for name in names}
    return keras.Model(branch.inputs, ends, name=f"{branch.name}_findings")
