"""The last layers that every model shares: from features to popularity on its own scale."""

import math
from typing import Any

import keras

FEATURES = "features"
"""Name of the layer whose output a branch hands to the fused head."""
SCORE = "score"
"""Name of the last trainable layer, before the scaling to 0-100."""

_FULL_SCALE = 100.0


def popularity(features: Any, mean: float) -> Any:
    """Map features ``(batch, n)`` to popularity ``(batch, 1)``, always within 0-100.

    A sigmoid spans the scale, and its bias starts at the training mean: the network's own numbers
    stay near 1 whatever the labels' mean and spread.

    Args:
        features: symbolic tensor.
        mean: mean popularity of the training songs, 0-100, both ends excluded.

    Raises:
        ValueError: ``mean`` does not lie between 0 and 100.
    """
    if not 0 < mean < _FULL_SCALE:
        raise ValueError(f"mean popularity must lie between 0 and 100, received {mean}")
    start = math.log(mean / (_FULL_SCALE - mean))
    score = keras.layers.Dense(
        1,
        # Every song starts at the mean: random weights would first have to be unlearned.
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(start),
        dtype="float32",
        name=SCORE,
    )(features)
    share = keras.layers.Activation("sigmoid", dtype="float32", name="share")(score)
    return keras.layers.Rescaling(_FULL_SCALE, dtype="float32", name="popularity")(share)


def features_of(branch: keras.Model) -> keras.Model:
    """The part of a branch that ends at its features, sharing its weights."""
    return keras.Model(
        branch.inputs, branch.get_layer(FEATURES).output, name=f"{branch.name}_features"
    )
