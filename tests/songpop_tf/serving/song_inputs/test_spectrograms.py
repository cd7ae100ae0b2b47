"""Inputs for resized spectrograms in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.spectrograms.loading import UNKNOWN_COLUMNS, file_inputs
from pipelines.spectrograms.statistics import STATISTICS
from songpop_tf.serving.song_inputs import spectrogram_inputs


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("black", [0, 31])
def test_inputs_equal_those_of_the_tensorflow_graph(dtype: str, black: int) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (256, 1024)).astype("uint8")
    image[::2] = black
    expected = file_inputs(tf.constant(image))
    received = spectrogram_inputs(image[np.newaxis].astype(dtype))
    difference = np.abs(received["spectrogram"][0] - expected["spectrogram"])
    # The graph's FFT, which does nothing at this size, moves some levels off an exact half.
    assert difference.max() <= 1
    assert difference.mean() < 0.01
    assert received["columns"] == [UNKNOWN_COLUMNS]
    assert received["statistics"].shape == (1, STATISTICS)


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(songs, 256, 1024\), received \(256, 1024\)"):
        spectrogram_inputs(np.zeros((256, 1024), "uint8"))
