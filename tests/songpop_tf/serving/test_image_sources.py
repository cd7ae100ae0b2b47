"""Images of a batch: which songs have one, which of them are usable, and what the CNN reads."""

import numpy as np
import tensorflow as tf

from pipelines.audio.audio_to_spectrogram import AudioToSpectrogram
from pipelines.spectrograms.decoding import decode_spectrogram
from pipelines.spectrograms.loading import file_inputs
from songpop_tf.serving.image_sources import Audio, ImageSource, PngFiles
from tests.pipelines.audio.signals import noise
from tests.pipelines.images import encode_image, pixels


def known_before_loading(images: ImageSource) -> tuple[list[bool], list[bool]]:
    return images.has_image().numpy().tolist(), images.is_usable().numpy().tolist()


def test_png_files_are_loaded_by_index() -> None:
    good, other = (encode_image(pixels(256, 400, seed)) for seed in (0, 1))
    blank = encode_image(np.zeros([256, 400], "uint8"))
    images = PngFiles(tf.constant([good, b"", b"meow", blank, other]))
    given, usable = known_before_loading(images)
    assert given == [True, False, True, True, True]
    assert [usable[index] for index in (0, 2, 4)] == [True, False, True]
    inputs, is_usable = tf.function(images.load)(tf.constant([4, 3]))
    assert is_usable.numpy().tolist() == [True, False]
    expected = file_inputs(decode_spectrogram(tf.constant(other))[0])
    for name, value in expected.items():
        np.testing.assert_array_equal(inputs[name][0], tf.cast(value, inputs[name].dtype), name)


def test_audio_is_usable_if_it_sounds_for_the_length_of_a_song() -> None:
    seconds = [2.0, 2.0, 0.01, 2.0]
    songs = [noise(length) for length in seconds]
    songs[1] = 0 * songs[1]
    songs[3] = np.where(np.arange(len(songs[3])) == 9, np.nan, songs[3]).astype("float32")
    batch = np.zeros([6, len(songs[0])], "float32")
    for row, song in zip(batch, songs, strict=False):
        row[: len(song)] = song
    samples = [*map(len, songs), 0, batch.shape[1] + 1]
    images = Audio(AudioToSpectrogram(), tf.constant(batch), tf.constant(samples, tf.int64))
    given, usable = known_before_loading(images)
    assert given == [True, True, True, True, False, True]
    assert usable == [True, False, False, False, False, False]
    inputs, is_usable = tf.function(images.load)(tf.constant([0]))
    assert is_usable.numpy().tolist() == [True]
    assert inputs["spectrogram"].shape == (1, 256, 1024)
