"""A model of a run inside the served graph, with its weights as they are stored."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

from pipelines.metadata.masking import Tensors
from songpop_tf.training.conformal import Covariates, PredictionIntervals

MIN_HALF_PRECISION = 100_000
"""Numbers in a frozen weight from which on it is stored in half precision."""


class SharedWeights:
    """Copies of the models' weights, each stored once: a fusion model contains a whole text branch.

    Large frozen weights, those of a pre-trained transformer, are stored in half precision: of tens
    of megabytes that is half.
    """

    def __init__(self) -> None:
        self._variables: dict[bytes, tf.Variable] = {}

    def add(self, weight: keras.Variable) -> tf.Variable:
        """Return the copy of a weight, or of an equal one that was added before."""
        value = weight.numpy()
        if not weight.trainable and value.dtype == np.float32 and value.size >= MIN_HALF_PRECISION:
            value = value.astype(np.float16)
        header = f"{value.dtype} {value.shape} ".encode()
        digest = hashlib.sha256(header + value.tobytes()).digest()
        if digest not in self._variables:
            self._variables[digest] = tf.Variable(value, trainable=False, name="weight")
        return self._variables[digest]


class BranchModel(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """A Keras model with the prediction interval around its output.

    Args:
        model: outputs popularity, ``(batch, 1)``.
        intervals: of the model.
        weights: stores the model's.
    """

    def __init__(
        self, model: keras.Model, intervals: PredictionIntervals, weights: SharedWeights
    ) -> None:
        super().__init__()
        self._model = model
        # tf.Module tracks them by these attributes, so that they are saved with the graph.
        self.trainable_weights = [weights.add(weight) for weight in model.trainable_variables]
        self.frozen_weights = [weights.add(weight) for weight in model.non_trainable_variables]
        self._intervals = intervals

    def __call__(self, inputs: Tensors, pattern: tf.Tensor) -> tf.Tensor:
        """Predict popularity, lower and upper end, ``(batch, 3)``, clipped to 0-100.

        Args:
            inputs: of the Keras model.
            pattern: ``(batch,)`` missingness patterns of the songs, from
                `pipelines.metadata.known_fields.pattern_id`.
        """
        popularity = self._predict(inputs)[:, 0]
        covariates = Covariates.from_inputs(inputs, pattern)
        half_width = self._intervals.half_width(popularity, covariates)
        ends = [popularity - half_width, popularity + half_width]
        return tf.clip_by_value(tf.stack([popularity, *ends], axis=1), 0.0, 100.0)

    def _predict(self, inputs: Tensors) -> tf.Tensor:
        """The model's output, computed with the copies of its weights."""
        weights = (
            [tf.cast(copy, weight.dtype) for copy, weight in zip(copies, originals, strict=True)]
            for copies, originals in (
                (self.trainable_weights, self._model.trainable_variables),
                (self.frozen_weights, self._model.non_trainable_variables),
            )
        )
        popularity, _ = self._model.stateless_call(*weights, inputs, training=False)
        return popularity
