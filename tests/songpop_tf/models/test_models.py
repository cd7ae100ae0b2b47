"""Checks that every model passes."""

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.songpop_tf.models.small_models import (
    MEAN_POPULARITY,
    MODELS,
    SONGS,
    TARGETS,
    call,
    inputs_for,
)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(1)
    return MODELS[request.param]()


def test_untrained_model_predicts_the_mean_and_stays_on_the_scale(model: keras.Model) -> None:
    output = model.predict(inputs_for(model), verbose=0)
    assert output.shape == (SONGS, 1)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, MEAN_POPULARITY, atol=1e-3)
    model.set_weights([weight * 100 for weight in model.get_weights()])
    extreme = call(model, inputs_for(model))
    assert extreme.min() >= 0
    assert extreme.max() <= 100


def test_a_few_training_steps_lower_the_loss(model: keras.Model) -> None:
    inputs = inputs_for(model)
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    loss_before = model.evaluate(inputs, TARGETS, verbose=0)
    losses = model.fit(inputs, TARGETS, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * loss_before


def test_saved_model_predicts_the_same(model: keras.Model, tmp_path: Path) -> None:
    inputs = inputs_for(model)
    rng = np.random.default_rng(2)
    # Noise on the weights stands for training: untrained models predict the mean for every song.
    model.set_weights(
        [weight + rng.normal(0, 0.05, weight.shape) for weight in model.get_weights()]
    )
    prediction = call(model, inputs)
    assert np.ptp(prediction) > 0.01, "predictions must differ between songs"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(call(loaded, inputs), prediction, atol=1e-4)
    assert loaded.count_params() == model.count_params()


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_keeps_a_float32_output(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = MODELS[name]()
    finally:
        keras.config.set_dtype_policy("float32")
    output = call(model, inputs_for(model))
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, MEAN_POPULARITY, atol=1e-3)
