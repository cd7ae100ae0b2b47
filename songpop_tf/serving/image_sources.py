"""The images of a batch of songs: PNG files, or audio whose spectrograms the graph draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

from pipelines.audio.audio_spectrogram import MAX_COLUMNS, MIN_COLUMNS, SILENCE
from pipelines.audio.synchrosqueezing import SAMPLES_PER_COLUMN
from pipelines.metadata.masking import Tensors
from pipelines.spectrograms.decoding import content_error, decode_spectrogram, png_error
from pipelines.spectrograms.loading import CNN_INPUTS, cnn_inputs, file_inputs


class ImageSource(Protocol):
    """Loads the CNN's inputs of some songs of a batch."""

    def has_image(self) -> tf.Tensor:
        """Whether a song has an image, ``(batch,)`` bool."""
        ...

    def is_usable(self) -> tf.Tensor:
        """Whether an image is usable, as far as is known before it is loaded, ``(batch,)`` bool."""
        ...

    def load(self, indices: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """Return the inputs of songs at some indices, ``(rows,)``, and whether each is usable."""
        ...


@dataclass(frozen=True)
class PngFiles(ImageSource):
    """PNG files of spectrograms.

    Attributes:
        png: ``(batch,)`` string, the bytes of the files; "" for a song without.
    """

    png: tf.Tensor

    def has_image(self) -> tf.Tensor:
        """See `ImageSource`."""
        return tf.not_equal(self.png, "")

    def is_usable(self) -> tf.Tensor:
        """Whether the header and the last bytes are those of a spectrogram."""
        return tf.equal(png_error(self.png), "")

    def load(self, indices: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """See `ImageSource`."""

        def load_one(index: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
            image, error = decode_spectrogram(self.png[index])
            return file_inputs(image), tf.equal(error, "")

        return _map_images(load_one, indices)


@dataclass(frozen=True)
class Audio(ImageSource):
    """The audio of songs.

    Attributes:
        transform: draws the spectrogram of one song, ``(samples,)`` float32.
        audio: ``(batch, samples)`` float32, padded with zeros.
        samples: ``(batch,)`` int64, how many of them count; 0 for a song without.
    """

    transform: Callable[[tf.Tensor], Any]
    audio: tf.Tensor
    samples: tf.Tensor

    def has_image(self) -> tf.Tensor:
        """See `ImageSource`."""
        return self.samples != 0

    def is_usable(self) -> tf.Tensor:
        """Whether the length is that of a song, and the audio finite and not silent."""
        columns = self.samples // SAMPLES_PER_COLUMN
        is_usable = (columns >= MIN_COLUMNS) & (columns <= MAX_COLUMNS)
        is_usable &= self.samples <= tf.shape(self.audio, tf.int64)[1]
        level = tf.reduce_max(tf.abs(self.audio), axis=1)
        return is_usable & tf.math.is_finite(level) & (level > SILENCE)

    def load(self, indices: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """See `ImageSource`."""

        def load_one(index: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
            image = self.transform(self.audio[index][: self.samples[index]])
            return cnn_inputs(image), tf.equal(content_error(image), "")

        # One after another: each transform keeps the cores busy.
        return _map_images(load_one, indices, parallel_iterations=1)


def _map_images(
    load_one: Callable[[tf.Tensor], tuple[Tensors, tf.Tensor]], indices: tf.Tensor, **options: int
) -> tuple[Tensors, tf.Tensor]:
    inputs, is_usable = tf.map_fn(
        load_one, indices, fn_output_signature=(CNN_INPUTS, tf.TensorSpec([], tf.bool)), **options
    )
    return {**inputs, "spectrogram": tf.cast(inputs["spectrogram"], tf.float32)}, is_usable
