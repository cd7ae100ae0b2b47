"""One spectrogram with patches covered, for the signature ``occlusion``."""

from dataclasses import dataclass

import tensorflow as tf

from pipelines.metadata.masking import Tensors
from pipelines.spectrograms.decoding import decode_spectrogram, png_error
from pipelines.spectrograms.loading import known_columns, restore_resized
from pipelines.spectrograms.occlusion import occluded_inputs
from songpop_tf.serving.image_sources import ImageSource
from songpop_tf.serving.schema import PATCH_INPUTS

PATCH_SPECS = tuple(tf.TensorSpec([None], tf.int64, name=name) for name in PATCH_INPUTS)


@dataclass(frozen=True)
class OccludedSpectrogram(ImageSource):
    """Loads the CNN's inputs of one file for each row of a batch, with a patch covered.

    Attributes:
        png: scalar string, the bytes of the PNG file.
        patches: ``(batch, 4)`` int64, see `pipelines.spectrograms.occlusion.occluded_inputs`.
    """

    png: tf.Tensor
    patches: tf.Tensor

    def has_image(self) -> tf.Tensor:
        """True for each row, ``(batch,)`` bool."""
        return tf.fill(tf.shape(self.patches)[:1], True)

    def is_usable(self) -> tf.Tensor:
        """Whether the header and the last bytes are those of a spectrogram."""
        return tf.fill(tf.shape(self.patches)[:1], tf.equal(png_error(self.png), ""))

    def load(self, indices: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """Return the inputs at some rows, ``(rows,)``, and whether they are usable."""
        image, error = decode_spectrogram(self.png)
        inputs = occluded_inputs(restore_resized(image), tf.gather(self.patches, indices))
        # Covered or not, nobody knows the length of a song whose image was resized before.
        inputs["columns"] = tf.fill(tf.shape(indices), known_columns(image))
        is_usable = tf.fill(tf.shape(indices), tf.equal(error, ""))
        return {**inputs, "spectrogram": tf.cast(inputs["spectrogram"], tf.float32)}, is_usable
