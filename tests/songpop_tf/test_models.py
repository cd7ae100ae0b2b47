"""One check that every model passes, and what is particular to each."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.discographies import OTHER_SONGS, TRAITS
from songpop_tf.config import FusionConfig, MetadataEncoderConfig, SpectrogramCNNConfig
from songpop_tf.models import fusion_model, metadata_encoder, spectrogram_cnn
from songpop_tf.models.freeze import frozen_copy
from songpop_tf.models.fusion import HEAD
from songpop_tf.models.metadata_encoder import transformer_of, without_transformer

SONGS, TOKENS, VOCABULARY, MEAN = 6, 12, 90, 40.0
SMALL_CNN = SpectrogramCNNConfig(bands=16, filters=(4, 8))
SMALL_ENCODER = MetadataEncoderConfig(
    vocabulary_size=200, tokens=TOKENS, layers=1, heads=2, width=8, text_dropout=0.0
)


def small_cnn() -> keras.Model:
    return spectrogram_cnn(SMALL_CNN, mean_popularity=MEAN)


def small_encoder() -> keras.Model:
    return metadata_encoder(VOCABULARY, SMALL_ENCODER)


def small_fusion(frozen: bool) -> keras.Model:
    return fusion_model(small_cnn(), small_encoder(), FusionConfig(), frozen=frozen)


MODELS: dict[str, Callable[[], keras.Model]] = {
    "cnn": small_cnn,
    "encoder": small_encoder,
    "fusion": lambda: small_fusion(frozen=False),
    "frozen fusion": lambda: small_fusion(frozen=True),
}


def inputs_of(model: keras.Model) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    made = {
        "spectrogram": random.integers(0, 256, (SONGS, 256, 1024)).astype("float32"),
        "columns": np.array([400, 30_000, 36_007, 41_000, 48_000, 90_000]),
        "artist": random.integers(5, VOCABULARY, (SONGS, TOKENS)),
        "title": random.integers(5, VOCABULARY, (SONGS, TOKENS)),
        "year": np.array([0, 1958, 1977, 1990, 2008, 2021]),
        "in_large": np.zeros(SONGS, int),
        "artists": np.array([0, 1, 2, 3, 1, 1]),
        "trend": np.full(SONGS, MEAN, "float32"),
        "other_songs": random.uniform(0, 1, (SONGS, OTHER_SONGS, TRAITS)).astype("float32"),
    }
    return {tensor.name: made[tensor.name] for tensor in model.inputs}


TARGETS = np.array([[5.0], [20.0], [35.0], [55.0], [70.0], [90.0]])


def answer_of(model: keras.Model, inputs: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    """What the model says, without the seconds it takes to make a graph for it."""
    answer: np.ndarray = keras.ops.convert_to_numpy(model(inputs, training=False))
    return answer


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(1)
    return MODELS[request.param]()


def test_starts_at_the_mean_and_stays_on_the_scale(model: keras.Model) -> None:
    output = model.predict(inputs_of(model), verbose=0)
    assert output.shape == (SONGS, 1)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, MEAN, atol=1e-3)
    weights = [weight * 100 for weight in model.get_weights()]
    model.set_weights(weights)
    wild = answer_of(model, inputs_of(model))
    assert wild.min() >= 0
    assert wild.max() <= 100


def test_a_few_training_steps_lower_the_loss(model: keras.Model) -> None:
    inputs = inputs_of(model)
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    before = model.evaluate(inputs, TARGETS, verbose=0)
    losses = model.fit(inputs, TARGETS, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * before


def test_a_saved_model_predicts_the_same(model: keras.Model, tmp_path: Path) -> None:
    inputs = inputs_of(model)
    random = np.random.default_rng(2)
    # As if trained a little.
    weights = [weight + random.normal(0, 0.05, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    answer = answer_of(model, inputs)
    assert np.ptp(answer) > 0.01, "songs that are told apart"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(answer_of(loaded, inputs), answer, atol=1e-4)
    assert loaded.count_params() == model.count_params()


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_keeps_the_output_exact(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = MODELS[name]()
    finally:
        keras.config.set_dtype_policy("float32")
    output = answer_of(model, inputs_of(model))
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, MEAN, atol=1e-3)


def test_frozen_branches_do_not_change_while_the_head_trains() -> None:
    cnn, encoder = small_cnn(), small_encoder()
    model = fusion_model(cnn, encoder, FusionConfig(), frozen=True)
    in_head = {id(variable) for variable in model.get_layer(HEAD).variables}
    # Also the states of random generators: a dropout that is active would draw from one.
    branches = [variable for variable in model.variables if id(variable) not in in_head]
    before = [keras.ops.convert_to_numpy(variable) for variable in branches]
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    model.fit(inputs_of(model), TARGETS, epochs=2, verbose=0)
    for variable, old in zip(branches, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), old)
    assert cnn.trainable_variables, "the branch that was copied can still be trained"


def test_a_frozen_copy_predicts_as_its_original_does_in_inference() -> None:
    for original in (small_cnn(), small_encoder()):
        copy = frozen_copy(original)
        inputs = inputs_of(original)
        np.testing.assert_allclose(
            copy(inputs, training=True), original(inputs, training=False), atol=1e-4
        )


@pytest.mark.parametrize("mean", [0.0, 100.0, -3.0])
def test_an_impossible_mean_is_refused(mean: float) -> None:
    with pytest.raises(ValueError, match=f"received {mean}"):
        spectrogram_cnn(SMALL_CNN, mean_popularity=mean)


Trained = tuple[keras.Model, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def trained_encoder() -> Trained:
    """An encoder that has seen a few songs, and these."""
    keras.utils.set_random_seed(1)
    model = small_encoder()
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    inputs = inputs_of(model)
    model.fit(inputs, TARGETS, epochs=20, verbose=0)
    return model, inputs


def test_an_unknown_year_is_told_from_a_known_one(trained_encoder: Trained) -> None:
    model, inputs = trained_encoder
    unknown = {**inputs, "year": np.zeros(SONGS, int)}
    assert not np.allclose(answer_of(model, inputs), answer_of(model, unknown))


def test_an_untrained_encoder_answers_with_the_trend() -> None:
    model = small_encoder()
    trend = np.array([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], "float32")
    answer = answer_of(model, {**inputs_of(model), "trend": trend})[:, 0]
    np.testing.assert_allclose(answer, trend.clip(0.5, 99.5), atol=1e-3)


def test_the_order_of_the_other_songs_does_not_matter(trained_encoder: Trained) -> None:
    model, inputs = trained_encoder
    turned = {**inputs, "other_songs": inputs["other_songs"][:, ::-1]}
    fewer = {**inputs, "other_songs": inputs["other_songs"] * 0}
    answer = answer_of(model, inputs)
    np.testing.assert_allclose(answer_of(model, turned), answer, atol=1e-3)
    assert not np.allclose(answer_of(model, fewer), answer, atol=1e-3)


def test_padding_changes_nothing(trained_encoder: Trained) -> None:
    model, inputs = trained_encoder
    padding = np.zeros((SONGS, 3), int)
    longer = {**inputs, "title": np.concatenate([inputs["title"][:, :5], padding], axis=1)}
    short = {**inputs, "title": inputs["title"][:, :5]}
    answer = answer_of(model, short)
    np.testing.assert_allclose(answer_of(model, longer), answer, atol=1e-3)
    empty = answer_of(model, {**inputs, "title": padding, "artist": padding})
    assert np.isfinite(empty).all()


def test_the_encoder_can_be_parted_at_the_transformer(trained_encoder: Trained) -> None:
    model, inputs = trained_encoder
    transformer, rest = transformer_of(model), without_transformer(model)
    texts = {name: answer_of(transformer, inputs[name]) for name in ("artist", "title")}
    np.testing.assert_allclose(
        answer_of(rest, {**inputs, **texts}), answer_of(model, inputs), atol=1e-3
    )
    shared = {id(variable) for variable in model.trainable_variables}
    assert {id(variable) for variable in rest.trainable_variables} < shared
