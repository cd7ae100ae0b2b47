"""The output layers that all models share: from features to popularity on the 0-100 scale."""

import math
from typing import Any

import keras
from keras import ops

FEATURES = "features"
"""Name of the layer whose output a branch contributes to the fusion model."""
LOGIT = "logit"
"""Name of the layer that holds popularity as a logit, before the sigmoid."""

_MAX_POPULARITY = 100.0
_MARGIN = 0.5
"""Points by which `to_logits` stays within the scale, so that logits are finite."""


def popularity_output(features: Any, baseline: Any) -> Any:
    """Map features ``(batch, n)`` to popularity ``(batch, 1)`` float32, always within 0-100.

    Popularity is ``100 * sigmoid(baseline + correction(features))``. The kernel of the correction
    starts at 0, so an untrained model predicts its baseline, and the logits stay near 1 in
    magnitude whatever the mean and the spread of the labels.

    Args:
        features: symbolic tensor.
        baseline: prediction of the untrained model: a popularity (the mean of the training songs),
            or a symbolic ``(batch, 1)`` tensor of logits.

    Raises:
        ValueError: ``baseline`` is a popularity that is not between 0 and 100.
    """
    if keras.backend.is_keras_tensor(baseline):
        correction = _correction(features, "zeros")
        logit = keras.layers.Add(dtype="float32", name=LOGIT)([correction, baseline])
    elif 0 < baseline < _MAX_POPULARITY:
        bias = keras.initializers.Constant(math.log(baseline / (_MAX_POPULARITY - baseline)))
        logit = keras.layers.Identity(dtype="float32", name=LOGIT)(_correction(features, bias))
    else:
        raise ValueError(f"mean popularity: expected between 0 and 100, received {baseline}")
    sigmoid = keras.layers.Activation("sigmoid", dtype="float32", name="sigmoid")(logit)
    return keras.layers.Rescaling(_MAX_POPULARITY, dtype="float32", name="popularity")(sigmoid)


def _correction(features: Any, bias: Any) -> Any:
    return keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer=bias, dtype="float32", name="correction"
    )(features)


def to_logits(popularity: Any) -> Any:
    """Convert popularity ``(batch,)`` to logits ``(batch, 1)``, clipped to 0.5-99.5."""
    clipped = ops.clip(popularity, _MARGIN, _MAX_POPULARITY - _MARGIN)
    return ops.log(clipped / (_MAX_POPULARITY - clipped))[:, None]


def feature_extractor(branch: keras.Model, *layer_names: str) -> keras.Model:
    """Build a model that returns the outputs of some layers of a branch, sharing its weights.

    Returns:
        Model from the branch's inputs to a dictionary of outputs by layer name.
    """
    outputs = {name: branch.get_layer(name).output for name in layer_names}
    return keras.Model(branch.inputs, outputs, name=f"{branch.name}_features")
