"""What the text branch depends on, and its two parts."""

import keras
import numpy as np
import pytest

from songpop_tf.models.metadata_encoder import text_encoder, without_text_encoder
from tests.songpop_tf.models.small_models import SONGS, TARGETS, call, inputs_for, small_encoder

TrainedModel = tuple[keras.Model, dict[str, np.ndarray]]
"""A model and the inputs that it was trained on."""


@pytest.fixture(scope="module")
def trained_encoder() -> TrainedModel:
    keras.utils.set_random_seed(1)
    model = small_encoder()
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    inputs = inputs_for(model)
    model.fit(inputs, TARGETS, epochs=20, verbose=0)
    return model, inputs


def test_unknown_year_changes_the_prediction(trained_encoder: TrainedModel) -> None:
    model, inputs = trained_encoder
    unknown = {**inputs, "year": np.zeros(SONGS, int)}
    assert not np.allclose(call(model, inputs), call(model, unknown))


def test_untrained_encoder_predicts_the_year_baseline() -> None:
    model = small_encoder()
    year_baseline = np.array([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], "float32")
    prediction = call(model, {**inputs_for(model), "year_baseline": year_baseline})[:, 0]
    np.testing.assert_allclose(prediction, year_baseline.clip(0.5, 99.5), atol=1e-3)


def test_order_of_the_history_does_not_matter(trained_encoder: TrainedModel) -> None:
    model, inputs = trained_encoder
    reversed_history = {**inputs, "history": inputs["history"][:, ::-1]}
    no_history = {**inputs, "history": inputs["history"] * 0}
    prediction = call(model, inputs)
    np.testing.assert_allclose(call(model, reversed_history), prediction, atol=1e-3)
    assert not np.allclose(call(model, no_history), prediction, atol=1e-3)


def test_padding_does_not_change_the_prediction(trained_encoder: TrainedModel) -> None:
    model, inputs = trained_encoder
    padding = np.zeros((SONGS, 3), int)
    title = inputs["title"][:, :5]
    prediction = call(model, {**inputs, "title": title})
    padded = {**inputs, "title": np.concatenate([title, padding], axis=1)}
    np.testing.assert_allclose(call(model, padded), prediction, atol=1e-3)
    empty = call(model, {**inputs, "title": padding, "artist": padding})
    assert np.isfinite(empty).all()


def test_text_encoder_and_the_rest_predict_as_the_whole_encoder(
    trained_encoder: TrainedModel,
) -> None:
    model, inputs = trained_encoder
    transformer, rest = text_encoder(model), without_text_encoder(model)
    embeddings = {field: call(transformer, inputs[field]) for field in ("artist", "title")}
    np.testing.assert_allclose(call(rest, {**inputs, **embeddings}), call(model, inputs), atol=1e-3)
    all_variables = {id(variable) for variable in model.trainable_variables}
    assert {id(variable) for variable in rest.trainable_variables} < all_variables
