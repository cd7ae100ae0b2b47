"""Preprocessor of a KerasHub task: raw fields of songs to the inputs of every network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_hub
import tensorflow as tf

from pipelines.constants import UNKNOWN_YEAR
from pipelines.file_errors import reading
from pipelines.io import StrPath, read_json
from pipelines.metadata.known_fields import pattern_id
from pipelines.metadata.masking import Tensors
from pipelines.metadata.preprocessor import MetadataPreprocessor
from pipelines.spectrograms.decoding import decode_spectrogram, png_error
from pipelines.spectrograms.loading import CNN_INPUTS, file_inputs
from songpop_tf.serving.hubs import local_folder
from songpop_tf.serving.schema import AUDIO_BRANCHES, select_branch

BRANCH = "branch"
"""Input of the task: the position, among its branches, of the one that predicts the song."""

_ASSETS = Path("assets", "metadata")
_CONFIG_FILE = "preprocessor.json"


@keras.saving.register_keras_serializable(package="songpop_tf")
class SongPreprocessor(keras_hub.models.Preprocessor):  # type: ignore[misc]  # KerasHub is untyped
    """Artist, title, year and spectrogram of songs to the inputs of `SongPopularity`.

    Vocabulary and artist history are no settings, but assets, as the vocabulary of a KerasHub
    tokenizer is. A layer that was created from its settings alone has to load them first.

    Args:
        branches: those that the task has, in its order.
        metadata: converts artist, title and year; None if `load_assets` follows.
        **kwargs: of a Keras layer.
    """

    def __init__(
        self, branches: Sequence[str], metadata: MetadataPreprocessor | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.branches = tuple(branches)
        self._metadata = metadata
        self.built = True  # it has no weights

    @property
    def metadata(self) -> MetadataPreprocessor:
        """Converts artist, title and year.

        Raises:
            ValueError: the assets were not loaded.
        """
        if self._metadata is None:
            raise ValueError(f"{self.name}: expected loaded assets, received none; load a preset")
        return self._metadata

    def call(
        self, x: Mapping[str, Any], y: Any = None, sample_weight: Any = None
    ) -> "tuple[Any, ...] | Tensors":
        """Convert a batch of songs; also works in ``tf.data``.

        Args:
            x: any of ``artist``, ``title``, ``spectrogram_png`` (strings, "" = unknown) and
                ``year`` (integers, 0 = unknown), each ``(batch,)``. An image that is not usable
                counts as unknown.
            y: popularity, passed on.
            sample_weight: passed on.

        Raises:
            ValueError: ``x`` has none of the fields, or others.
            tf.errors.InvalidArgumentError: the image data of a PNG file are damaged.
        """
        fields = _columns(x)
        png = fields.pop("spectrogram_png")
        inputs = self.metadata(**fields)
        has_image = tf.zeros_like(png, tf.bool)
        if AUDIO_BRANCHES & set(self.branches):
            images, has_image = _images(png)
            inputs |= images
        has_metadata = pattern_id(fields["artist"], fields["title"], fields["year"]) > 0
        inputs[BRANCH] = self._branch(has_image, has_metadata)
        packed: tuple[Any, ...] | Tensors = keras.utils.pack_x_y_sample_weight(
            inputs, y, sample_weight
        )
        return packed

    def _branch(self, has_image: tf.Tensor, has_metadata: tf.Tensor) -> tf.Tensor:
        """``(batch,)`` int32: the position of the branch that predicts each song."""
        known = ("text", "text", "cnn", "combined")  # by the two bits below
        selected = [select_branch(inputs, self.branches) or "text" for inputs in known]
        positions = tf.constant([self.branches.index(branch) for branch in selected], tf.int32)
        bits = 2 * tf.cast(has_image, tf.int32) + tf.cast(has_metadata, tf.int32)
        return tf.gather(positions, bits)

    def get_config(self) -> dict[str, Any]:
        """The settings, without assets."""
        return {**super().get_config(), "branches": list(self.branches)}

    def save_assets(self, directory: StrPath) -> None:
        """Write vocabulary and artist history; Keras calls it for ``.keras`` files, too."""
        self.metadata.save(Path(directory))

    def load_assets(self, directory: StrPath) -> None:
        """Read what `save_assets` wrote.

        Raises:
            InputError: a file is missing or damaged.
        """
        self._metadata = MetadataPreprocessor.load(Path(directory))

    def save_to_preset(self, preset_dir: StrPath) -> None:
        """Write settings and assets into the folder of a preset."""
        super().save_to_preset(str(preset_dir))
        self.save_assets(Path(preset_dir) / _ASSETS)

    def load_preset_assets(self, preset: StrPath) -> None:
        """Read the assets from the folder of a preset."""
        self.load_assets(Path(preset) / _ASSETS)

    @classmethod
    def from_preset(cls, preset: StrPath) -> "SongPreprocessor":
        """Load the preprocessor of a preset.

        Args:
            preset: its folder, or ``hf://USER/MODEL`` or ``kaggle://USER/MODEL/keras/VARIATION``.

        Raises:
            InputError: it cannot be downloaded, or a file is missing or damaged.
        """
        folder = local_folder(preset)
        with reading(folder / _CONFIG_FILE, "a preprocessor's settings"):
            preprocessor: SongPreprocessor = keras.saving.deserialize_keras_object(
                read_json(folder / _CONFIG_FILE)
            )
        preprocessor.load_preset_assets(folder)
        return preprocessor


def _columns(x: Mapping[str, Any]) -> Tensors:
    """All four columns of a batch as tensors; those that are not given are unknown."""
    dtypes = {
        "artist": tf.string,
        "title": tf.string,
        "year": tf.int64,
        "spectrogram_png": tf.string,
    }
    if not x or set(x) - set(dtypes):
        raise ValueError(f"expected some of {', '.join(dtypes)}, received {', '.join(x) or 'none'}")
    given = {name: tf.convert_to_tensor(column) for name, column in x.items()}
    size = tf.shape(next(iter(given.values())))
    unknown = {tf.string: "", tf.int64: UNKNOWN_YEAR}
    return {
        name: tf.cast(given[name], dtype)
        if name in given
        else tf.fill(size, tf.constant(unknown[dtype], dtype))
        for name, dtype in dtypes.items()
    }


def _images(png: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
    """The CNN's inputs for PNG files, ``(batch,)``, and whether each is usable; else zeros."""
    blank = {
        name: tf.zeros(specification.shape, specification.dtype)
        for name, specification in CNN_INPUTS.items()
    }

    def load(file: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        is_png = tf.equal(png_error(file), "")
        loaded: tuple[Tensors, tf.Tensor] = tf.cond(
            is_png, lambda: decode(file), lambda: (blank, tf.constant(False))
        )
        return loaded

    def decode(file: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        image, error = decode_spectrogram(file)
        is_usable = tf.equal(error, "")
        inputs: Tensors = tf.cond(is_usable, lambda: file_inputs(image), lambda: blank)
        return inputs, is_usable

    signature = (CNN_INPUTS, tf.TensorSpec([], tf.bool))
    inputs, is_usable = tf.map_fn(load, png, fn_output_signature=signature)
    return {**inputs, "spectrogram": tf.cast(inputs["spectrogram"], tf.float32)}, is_usable
