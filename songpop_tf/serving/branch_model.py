"""A model of a run inside the served graph, with its weights as they are stored."""

import hashlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.metadata.masking import Tensors
from songpop_tf.training.conformal import Covariates, PredictionIntervals

MIN_HALF_PRECISION = 100_000
"""Numbers in a frozen weight from which on it is stored in half precision."""


class SharedWeights(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """Copies of the models' weights, each stored once: a fusion model contains a whole text branch.

    Large frozen weights, those of a pre-trained transformer, are stored in half precision: of tens
    of megabytes that is half. A graph that uses the copies is saved with this object.
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[str, tf.Variable] = {}

    def add(self, weight: keras.Variable, *, is_frozen: bool) -> tf.Variable:
        """Return the copy of a weight, or of an equal one that was added before."""
        value = weight.numpy()
        if is_frozen and value.dtype == np.float32 and value.size >= MIN_HALF_PRECISION:
            value = value.astype(np.float16)
        header = f"{value.dtype} {value.shape} ".encode()
        digest = hashlib.sha256(header + value.tobytes()).hexdigest()
        if digest not in self._copies:
            self._copies[digest] = tf.Variable(value, trainable=False, name="weight")
        return self._copies[digest]


class BranchModel:
    """A Keras model with the prediction interval around its output.

    It is a nested function of the graph, which holds it once, however many signatures call it. No
    attribute of a module refers to the model: its own weights would be saved beside the copies.

    Args:
        model: outputs popularity, ``(batch, 1)``.
        intervals: of the model.
        weights: stores the model's.
    """

    def __init__(
        self, model: keras.Model, intervals: PredictionIntervals, weights: SharedWeights
    ) -> None:
        self._model = model
        self._intervals = intervals
        # Not `weight.trainable`, which Keras leaves true inside of a frozen layer.
        self._trainable = [
            weights.add(weight, is_frozen=False) for weight in model.trainable_variables
        ]
        self._frozen = [
            weights.add(weight, is_frozen=True) for weight in model.non_trainable_variables
        ]
        inputs = {
            tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
            for tensor in model.inputs
        }
        pattern = tf.TensorSpec([None], tf.int32, name="pattern")
        self._function = tf.function(
            self.predict_with_interval, input_signature=[inputs, pattern], autograph=False
        )

    def __call__(self, inputs: Tensors, pattern: tf.Tensor) -> tf.Tensor:
        """Predict popularity, lower and upper end, ``(batch, 3)``, clipped to 0-100.

        Args:
            inputs: of the Keras model.
            pattern: ``(batch,)`` missingness patterns of the songs, from
                `pipelines.metadata.known_fields.pattern_id`.
        """
        return self._function(inputs, pattern)

    def predict_with_interval(self, inputs: Tensors, pattern: tf.Tensor) -> tf.Tensor:
        """As the call, in the graph of the caller, which may know more of the shapes."""
        popularity = self._predict(inputs)[:, 0]
        covariates = Covariates.from_inputs(inputs, pattern)
        half_width = self._intervals.half_width(popularity, covariates)
        ends = [popularity - half_width, popularity + half_width]
        return tf.clip_by_value(tf.stack([popularity, *ends], axis=1), 0.0, 100.0)

    def _predict(self, inputs: Tensors) -> Any:
        """The model's output, computed with the copies of its weights."""
        weights = (
            [tf.cast(copy, weight.dtype) for copy, weight in zip(copies, originals, strict=True)]
            for copies, originals in (
                (self._trainable, self._model.trainable_variables),
                (self._frozen, self._model.non_trainable_variables),
            )
        )
        popularity, _ = self._model.stateless_call(*weights, inputs, training=False)
        return popularity
