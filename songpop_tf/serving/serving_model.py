"""The served functions: from PNG files and plain text to popularity, in one TensorFlow graph.

``predict`` calls these functions and ``export`` saves them. They preprocess songs with the same
functions as training, which rules out training-serving skew.
"""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from pipelines.audio.audio_to_spectrogram import AudioToSpectrogram
from pipelines.errors import InputError
from pipelines.metadata.known_fields import pattern_id
from pipelines.metadata.masking import Tensors
from pipelines.metadata.preprocessor import MetadataPreprocessor
from songpop_tf.serving.branch_model import BranchModel, SharedWeights
from songpop_tf.serving.history_signature import POSITION_SPEC, history_song, leave_out
from songpop_tf.serving.image_sources import Audio, ImageSource, PngFiles
from songpop_tf.serving.occlusion_signature import PATCH_SPECS, OccludedSpectrogram
from songpop_tf.serving.schema import (
    AUDIO_BRANCHES,
    METADATA_ONLY,
    NO_PREDICTION,
    OUTPUTS,
    USABLE,
    WITH_AUDIO,
    WITH_HISTORY,
    WITH_OCCLUSION,
    WITH_SPECTROGRAM,
    select_branch,
)
from songpop_tf.training.configurations import Configuration
from songpop_tf.training.conformal import PredictionIntervals

Signature = Callable[..., Tensors]
"""Takes and returns tensors by name."""
Predict = Callable[..., tf.Tensor]
"""Returns popularity, lower and upper end, and 1 for a usable image or none, ``(batch, 4)``."""

Preprocess = Callable[..., tuple[Tensors, tf.Tensor]]
"""Returns the text model's inputs, and the years of the songs of the artists' histories."""

_SPECTROGRAM = tf.TensorSpec([None], tf.string, name="spectrogram_png")
_AUDIO = (
    tf.TensorSpec([None, None], tf.float32, name="audio"),
    tf.TensorSpec([None], tf.int64, name="samples"),
)
_FIELDS = (
    tf.TensorSpec([None], tf.string, name="artist"),
    tf.TensorSpec([None], tf.string, name="title"),
    tf.TensorSpec([None], tf.int64, name="year"),
)
INPUT_DTYPES = {
    spec.name: spec.dtype for spec in (_SPECTROGRAM, *_FIELDS, *PATCH_SPECS, POSITION_SPEC)
}


class TrainedModels(Protocol):
    """What a training run and a preset have in common.

    Attributes:
        directory: their folder.
    """

    @property
    def directory(self) -> Path: ...

    def best_by_branch(self) -> dict[str, Configuration]:
        """The configuration that predicts for each branch."""
        ...

    def load_model(self, configuration: Configuration) -> keras.Model:
        """Its network."""
        ...

    def load_preprocessor(self, configuration: Configuration) -> MetadataPreprocessor:
        """What converts artist, title and year for it."""
        ...

    def load_intervals(self, configuration: Configuration) -> PredictionIntervals:
        """Its prediction intervals."""
        ...


class ServingModel:
    """The models of a run as one model for songs with any known inputs.

    The "text" model predicts songs without spectrogram, "cnn" songs without metadata, "combined"
    the others. If the run lacks one of them, another suitable one predicts (``FALLBACKS``). Models
    are loaded on first use.

    Args:
        run: a training run, or a preset.

    Attributes:
        configurations: the configuration of each branch.
        branch_models: those loaded so far, by branch.
        weights: of these.

    Raises:
        InputError: the run has no finished model.
    """

    def __init__(self, run: TrainedModels) -> None:
        self._run = run
        self.configurations = run.best_by_branch()
        if not self.configurations:
            raise InputError(f"{run.directory}: expected trained models, received a run without")
        self.branch_models: dict[str, BranchModel] = {}
        self.weights = SharedWeights()
        self._preprocessors: dict[bool, Preprocess] = {}

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """The served functions by name; all inputs and outputs but audio are ``(batch,)``.

        ``metadata_only(artist, title, year)`` if the run has a text model, and
        ``serving_default(spectrogram_png, artist, title, year)`` if it has an audio branch.

        ``audio(audio, samples, artist, title, year)`` draws the spectrogram itself: ``audio`` is
        ``(batch, samples)`` float32, mono, 24 kHz, padded with zeros, ``samples`` how many of them
        count, 0 for a song without audio.

        ``occlusion(spectrogram_png, artist, title, year, first_column, last_column, first_row,
        last_row)`` predicts one spectrogram, ``(1,)``, several times, each time with other fields
        and another patch covered, see `songpop_tf.serving.occlusion_signature`.

        ``history(artist, title, year, history_position)``, if the run has a text model, predicts
        from the fields, without some of the artists' other songs, see
        `songpop_tf.serving.history_signature`.

        Other inputs are strings and int64 years; "" and 0 mean unknown. Outputs are ``popularity``,
        ``popularity_low`` and ``popularity_high`` (float32, 0-100), finite for every song, and
        ``usable`` (bool). It is False for a song with an unusable image or audio, which the text
        model predicts from the other inputs, and for a song whose known inputs no model of the run
        reads; without a text model, the outputs of both are ``NO_PREDICTION``.
        """
        # Models are loaded while a function is traced: with AutoGraph, the InputError of a damaged
        # file would become another error, with a traceback as its message.
        function = partial(tf.function, autograph=False)
        signatures = {}
        if "text" in self.configurations:
            signatures[METADATA_ONLY] = function(self._metadata_only, input_signature=_FIELDS)
            signatures[WITH_HISTORY] = function(
                self._with_history, input_signature=(*_FIELDS, POSITION_SPEC)
            )
        if AUDIO_BRANCHES & set(self.configurations):
            signatures[WITH_SPECTROGRAM] = function(
                self._with_spectrogram, input_signature=(_SPECTROGRAM, *_FIELDS)
            )
            signatures[WITH_AUDIO] = function(self._with_audio, input_signature=(*_AUDIO, *_FIELDS))
            signatures[WITH_OCCLUSION] = function(
                self._with_occlusion, input_signature=(_SPECTROGRAM, *_FIELDS, *PATCH_SPECS)
            )
        return signatures

    def _metadata_only(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Tensors:
        return _output_dict(_with_usable(self._predict_text(artist, title, year), True))

    def _with_history(
        self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor, history_position: tf.Tensor
    ) -> Tensors:
        fields = (artist, title, year)
        inputs, years = self._preprocessor("text")(*fields)
        history = leave_out(inputs["history"], history_position)
        outputs = self._branch_model("text")({**inputs, "history": history}, pattern_id(*fields))
        return {
            **_output_dict(_with_usable(outputs, True)),
            **history_song(years, inputs["history"], history_position),
        }

    def _with_spectrogram(
        self, spectrogram_png: tf.Tensor, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> Tensors:
        return self._predict(PngFiles(spectrogram_png), (artist, title, year))

    def _with_audio(
        self,
        audio: tf.Tensor,
        samples: tf.Tensor,
        artist: tf.Tensor,
        title: tf.Tensor,
        year: tf.Tensor,
    ) -> Tensors:
        source = Audio(self._audio_to_spectrogram, audio, samples)
        return self._predict(source, (artist, title, year))

    def _with_occlusion(
        self,
        spectrogram_png: tf.Tensor,
        artist: tf.Tensor,
        title: tf.Tensor,
        year: tf.Tensor,
        first_column: tf.Tensor,
        last_column: tf.Tensor,
        first_row: tf.Tensor,
        last_row: tf.Tensor,
    ) -> Tensors:
        patches = tf.stack([first_column, last_column, first_row, last_row], axis=1)
        source = OccludedSpectrogram(spectrogram_png[0], patches)
        return self._predict(source, (artist, title, year))

    @cached_property
    def _audio_to_spectrogram(self) -> Any:
        # A nested tf.function, as for preprocessors: the graph holds the filters once.
        specification = [tf.TensorSpec([None], tf.float32)]
        return tf.function(AudioToSpectrogram().__call__, input_signature=specification)

    def _predict(
        self, images: ImageSource, fields: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    ) -> Tensors:
        """Predict each song with the branch for its known inputs; see ``signatures``."""
        has_image = images.has_image()
        has_usable_image = has_image & images.is_usable()
        has_metadata = pattern_id(*fields) > 0
        masks = {
            "cnn": has_usable_image & ~has_metadata,
            "combined": has_usable_image & has_metadata,
        }
        size = tf.size(fields[0])
        outputs = tf.tile([(*NO_PREDICTION, 0.0)], [size, 1])
        # Select row indices instead of images: gathering them would copy megabytes each.
        columns = (tf.range(size), *fields)
        for known, mask in masks.items():
            if branch := select_branch(known, self.configurations):
                predict = partial(self._predict_functions[branch], images)
                outputs = _predict_rows(outputs, predict, mask, columns)
        if "text" in self.configurations:
            # Last, since some images turn out to be unusable only when they are decoded.
            not_predicted = tf.equal(outputs[:, -1], 0.0)
            predict = partial(self._predict_without_image, has_image)
            outputs = _predict_rows(outputs, predict, not_predicted, columns)
        return _output_dict(outputs)

    @cached_property
    def _predict_functions(self) -> dict[str, Predict]:
        """By branch: predict rows, given the images, the row indices, and their fields."""
        return {
            "text": lambda _images, _indices, *fields: _with_usable(
                self._predict_text(*fields), True
            ),
            "cnn": self._predict_cnn,
            "combined": self._predict_combined,
        }

    def _predict_text(self, *fields: tf.Tensor) -> tf.Tensor:
        model = self._branch_model("text")
        return model(self._metadata_inputs("text", fields), pattern_id(*fields))

    def _predict_without_image(
        self, has_image: tf.Tensor, indices: tf.Tensor, *fields: tf.Tensor
    ) -> tf.Tensor:
        return _with_usable(self._predict_text(*fields), ~tf.gather(has_image, indices))

    def _predict_cnn(
        self, images: ImageSource, indices: tf.Tensor, *fields: tf.Tensor
    ) -> tf.Tensor:
        inputs, is_usable = images.load(indices)
        outputs = self._branch_model("cnn")(inputs, pattern_id(*fields))
        return _where_usable(is_usable, outputs)

    def _predict_combined(
        self, images: ImageSource, indices: tf.Tensor, *fields: tf.Tensor
    ) -> tf.Tensor:
        model = self._branch_model("combined")
        cnn_inputs, is_usable = images.load(indices)
        inputs = {**cnn_inputs, **self._metadata_inputs("combined", fields)}
        return _where_usable(is_usable, model(inputs, pattern_id(*fields)))

    def _metadata_inputs(self, branch: str, fields: tuple[tf.Tensor, ...]) -> Tensors:
        inputs: Tensors = self._preprocessor(branch)(*fields)[0]
        return inputs

    def _preprocessor(self, branch: str) -> Preprocess:
        configuration = self.configurations[branch]
        key = configuration.pretrained  # two configurations share the preprocessor of an approach
        if key not in self._preprocessors:
            # A nested tf.function: the graph holds the vocabulary and the artist history once,
            # however many signatures call it. Created outside of the graph being traced, because
            # its tensors must outlive that graph.
            with tf.init_scope():
                preprocessor = self._run.load_preprocessor(configuration)
            self._preprocessors[key] = tf.function(
                preprocessor.with_history_years, input_signature=_FIELDS
            )
        return self._preprocessors[key]

    def _branch_model(self, branch: str) -> "BranchModel":
        if branch not in self.branch_models:
            configuration = self.configurations[branch]
            with tf.init_scope():
                model = self._run.load_model(configuration)
                intervals = self._run.load_intervals(configuration)
                self.branch_models[branch] = BranchModel(model, intervals, self.weights)
        return self.branch_models[branch]


def _predict_rows(
    outputs: tf.Tensor, predict: Predict, mask: tf.Tensor, columns: tuple[tf.Tensor, ...]
) -> tf.Tensor:
    """Replace the rows of ``outputs``, ``(batch, 4)``, that ``mask``, ``(batch,)``, selects."""

    def predict_masked() -> tf.Tensor:
        indices = tf.where(mask)
        rows = (tf.gather_nd(column, indices) for column in columns)
        return tf.tensor_scatter_nd_update(outputs, indices, predict(*rows))

    # Convolutions fail on an empty batch.
    return tf.cond(tf.reduce_any(mask), predict_masked, lambda: outputs)


def _with_usable(outputs: tf.Tensor, is_usable: tf.Tensor | bool) -> tf.Tensor:
    """Append a column to ``outputs``, ``(batch, 3)``, that is 1 where a song is usable."""
    usable = tf.broadcast_to(tf.cast(is_usable, tf.float32), tf.shape(outputs)[:1])
    return tf.concat([outputs, usable[:, tf.newaxis]], axis=1)


def _where_usable(is_usable: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """As `_with_usable`, with ``NO_PREDICTION`` for the other songs."""
    outputs = tf.where(is_usable[:, tf.newaxis], outputs, NO_PREDICTION)
    return _with_usable(outputs, is_usable)


def _output_dict(outputs: tf.Tensor) -> Tensors:
    *columns, usable = tf.unstack(outputs, axis=1)
    return {**dict(zip(OUTPUTS, columns, strict=True)), USABLE: usable > 0}
