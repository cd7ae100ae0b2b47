"""A model of a run inside the served graph, with its weights as they are stored."""

import hashlib
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.metadata.masking import Tensors
from songpop_tf.models.quantization import quantized_exactly
from songpop_tf.training.conformal import Covariates, PredictionIntervals


class StoredWeight(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """A weight of the served graph, as integers if it has been rounded to 8 bits."""

    def __init__(self, value: npt.NDArray[np.generic]) -> None:
        super().__init__()
        quantized = quantized_exactly(value)
        self._value = tf.Variable(
            value if quantized is None else quantized.levels, trainable=False, name="weight"
        )
        self._scales = None if quantized is None else tf.constant(quantized.scales)

    def read(self) -> tf.Tensor:
        """Return the weight, in the dtype of the model's."""
        if self._scales is None:
            return self._value.read_value()
        return tf.cast(self._value, tf.float32) * self._scales


class SharedWeights(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """Copies of the models' weights, each stored once: a fusion model contains a whole text branch.

    A graph that uses the copies is saved with this object.
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[str, StoredWeight] = {}

    def add(self, weight: keras.Variable) -> StoredWeight:
        """Return the copy of a weight, or of an equal one that was added before."""
        value = weight.numpy()
        header = f"{value.dtype} {value.shape} ".encode()
        digest = hashlib.sha256(header + value.tobytes()).hexdigest()
        if digest not in self._copies:
            self._copies[digest] = StoredWeight(value)
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
        self._trainable = [weights.add(weight) for weight in model.trainable_variables]
        self._frozen = [weights.add(weight) for weight in model.non_trainable_variables]
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
            [weight.read() for weight in self._trainable],
            [weight.read() for weight in self._frozen],
        )
        popularity, _ = self._model.stateless_call(*weights, inputs, training=False)
        return popularity
