"""The CNN's outputs, inputs and arguments."""

import keras
import numpy as np
import pytest

from pipelines.tables.audio_features import AUDIO_FEATURES
from songpop_tf.models import spectrogram_cnn
from songpop_tf.models.popularity_output import FEATURES, feature_extractor
from songpop_tf.models.spectrogram_cnn import with_auxiliary_output
from tests.songpop_tf.models.small_models import SMALL_CNN, SONGS, call, inputs_for, small_cnn


@pytest.mark.parametrize("mean", [0.0, 100.0, -3.0])
def test_mean_popularity_outside_the_scale_is_refused(mean: float) -> None:
    with pytest.raises(ValueError, match=f"received {mean}"):
        spectrogram_cnn(SMALL_CNN, mean_popularity=mean)


def test_auxiliary_output_shares_the_weights_of_the_cnn() -> None:
    cnn = small_cnn()
    model = with_auxiliary_output(cnn)
    inputs = inputs_for(cnn)
    outputs = model(inputs, training=False)
    np.testing.assert_allclose(outputs["popularity"], call(cnn, inputs), atol=1e-4)
    assert outputs["audio_features"].shape == (SONGS, len(AUDIO_FEATURES))
    shared = {id(variable) for variable in cnn.variables}
    assert {id(variable) for variable in model.variables} == shared


def test_features_depend_on_the_length_of_the_song() -> None:
    keras.utils.set_random_seed(1)
    cnn = small_cnn()
    extractor = feature_extractor(cnn, FEATURES)
    inputs = inputs_for(cnn)
    longer = {**inputs, "columns": inputs["columns"] * 2}
    features = extractor(inputs, training=False)[FEATURES]
    assert not np.allclose(extractor(longer, training=False)[FEATURES], features)


def test_song_of_unknown_length_is_predicted_from_its_image_alone() -> None:
    keras.utils.set_random_seed(1)
    cnn = small_cnn()
    extractor = feature_extractor(cnn, FEATURES)

    def features(**changed: np.ndarray) -> np.ndarray:
        return extractor({**inputs, **changed}, training=False)[FEATURES].numpy()

    inputs = inputs_for(cnn)
    known = features()
    inputs = {**inputs, "columns": np.zeros_like(inputs["columns"])}
    unknown = features()
    assert not np.allclose(unknown, known)
    np.testing.assert_array_equal(features(statistics=7 - inputs["statistics"]), unknown)
    assert not np.allclose(features(spectrogram=0 * inputs["spectrogram"]), unknown)


def test_songs_of_unknown_length_do_not_change_the_normalization() -> None:
    cnn = small_cnn()
    inputs = inputs_for(cnn)
    columns = np.where(np.arange(SONGS) % 2, inputs["columns"], 0)
    statistics = np.where(columns[:, None] == 0, 1e6, inputs["statistics"]).astype("float32")
    cnn({**inputs, "columns": columns, "statistics": statistics}, training=True)
    for name in ("statistics_norm", "columns_norm"):
        assert np.abs(cnn.get_layer(name).moving_mean).max() < 1e3


def test_data_without_any_length_can_be_trained_on() -> None:
    cnn = small_cnn()
    inputs = inputs_for(cnn)
    cnn.compile("adam", "mse", jit_compile=False)
    unknown = {**inputs, "columns": np.zeros_like(inputs["columns"])}
    history = cnn.fit(unknown, np.full(SONGS, 30.0), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert np.isfinite(call(cnn, unknown)).all()
