"""Predictions for each combination of known fields."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.datasets import metadata_dataset, spectrogram_dataset
from pipelines.metadata.known_fields import MISSINGNESS_PATTERNS, PATTERNS_WITH_ARTIST
from pipelines.metadata.masking import Tensors
from pipelines.prepared_data import PreparedData
from pipelines.splits import VALIDATION
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.inference import (
    drop_fields,
    predict_patterns,
    predict_with_and_without_history,
    without_history,
)
from songpop_tf.training.run import Run


def inputs_of(dataset: tf.data.Dataset) -> Tensors:
    (batch,) = [inputs for inputs, _ in dataset]
    return batch


@pytest.mark.parametrize("pretrained", [True, False])
def test_fused_model_predicts_each_pattern_as_one_model(
    run: Run, data: PreparedData, pretrained: bool
) -> None:
    combined = Configuration("combined", pretrained=pretrained)
    model, preprocessor = run.load_model(combined), run.load_preprocessor(combined)
    songs = data.songs_of(VALIDATION)
    spectrograms = inputs_of(spectrogram_dataset(data.shards_of(VALIDATION), len(songs)))

    def predict(known: tuple[str, ...], mask_history: bool) -> Any:
        metadata = metadata_dataset(drop_fields(songs, known), preprocessor, len(songs))
        inputs = inputs_of(metadata.map(without_history) if mask_history else metadata)
        predicted = model({**spectrograms, **inputs}, training=False)
        return keras.ops.convert_to_numpy(predicted)[:, 0]

    expected = [predict(known, mask_history=False) for known in MISSINGNESS_PATTERNS]
    masked = [predict(known, mask_history=True) for known in PATTERNS_WITH_ARTIST]
    assert np.ptp(expected, axis=0).max() > 0.1
    assert np.ptp(expected, axis=1).max() > 0.1
    arguments = (combined, model, run, data, VALIDATION)
    np.testing.assert_allclose(predict_patterns(*arguments), expected, atol=1e-3)
    received = predict_with_and_without_history(*arguments)
    np.testing.assert_allclose(received[0], expected, atol=1e-3)
    np.testing.assert_allclose(received[1], masked, atol=1e-3)
