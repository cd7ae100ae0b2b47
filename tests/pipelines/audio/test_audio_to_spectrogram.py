"""The TensorFlow graph equals the NumPy engine."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio.audio_to_spectrogram import AudioToSpectrogram
from pipelines.audio.grayscale import to_grayscale
from pipelines.audio.synchrosqueezing import SynchrosqueezedTransform
from tests.pipelines.audio.signals import chirp, clicks, noise

Function = Callable[[np.ndarray], tf.Tensor]


@pytest.fixture(scope="module")
def spectrogram() -> Function:
    """The graph, traced once for sounds of any length."""
    specification = [tf.TensorSpec([None], tf.float32)]
    return tf.function(AudioToSpectrogram().__call__, input_signature=specification)


@pytest.mark.parametrize("samples", [120, 1000, 24_000, 115_320, 170_000])
def test_graph_equals_numpy(spectrogram: Function, samples: int) -> None:
    sound = (noise(8.0) + chirp(50, 8000, 8.0) + clicks([0.5, 4.0], 8.0))[:samples]
    expected = to_grayscale(SynchrosqueezedTransform()(sound))
    image = spectrogram(sound).numpy()
    assert image.shape == expected.shape == (256, samples // 120)
    difference = np.abs(image.astype(int) - expected)
    assert (difference > 1).mean() < 1e-3


def test_silence_is_black(spectrogram: Function) -> None:
    assert spectrogram(np.zeros(24_000, np.float32)).numpy().max() == 0


def test_it_works_inside_a_dataset() -> None:
    layer = AudioToSpectrogram()
    sounds = np.stack([noise(1.0, seed) for seed in range(2)])
    images = list(tf.data.Dataset.from_tensor_slices(sounds).map(layer).as_numpy_iterator())
    assert [image.shape for image in images] == [(256, 200)] * 2
    assert images[0].dtype == np.uint8
