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
