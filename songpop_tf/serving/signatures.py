"""What is served: from PNG files and plain words to popularity, inside one TensorFlow graph.

The functions here are what ``predict`` calls and what ``export`` saves, and they read songs with
the same functions that training did: what is trained, predicted and served cannot drift apart.
"""

from collections.abc import Callable
from functools import cached_property

import keras
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.kaggle import UNKNOWN_YEAR
from pipelines.metadata import MetadataReader
from pipelines.spectrogram import load_spectrogram, png_columns, png_problem
from songpop_tf.serving.names import (
    BRANCHES,
    METADATA_ONLY,
    OUTPUTS,
    WITH_SPECTROGRAM,
    Signature,
)
from songpop_tf.training.run import Run

Answer = dict[str, tf.Tensor]
Predict = Callable[..., tf.Tensor]

_SPECTROGRAM = tf.TensorSpec([None], tf.string, name="spectrogram_png")
_WORDS = (
    tf.TensorSpec([None], tf.string, name="artist"),
    tf.TensorSpec([None], tf.string, name="title"),
    tf.TensorSpec([None], tf.int64, name="year"),
)


class SongModel:
    """The models of a run behind one question: how popular is a song of which this much is known?

    A song without spectrogram is answered by "text", one with nothing else by "cnn", others by
    "combined"; the naive model takes a place where the run holds no other. Models are loaded when
    they are needed first.

    Args:
        run: a training run.

    Attributes:
        configurations: the model for each branch.
        branches: those that were loaded.

    Raises:
        InputError: the run has no finished model.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        finished = run.finished()
        if not finished:
            raise InputError(f"{run.directory}: expected trained models, found none")
        named = ((branch, name) for branch in BRANCHES for name in (f"{branch}_naive", branch))
        self.configurations = {branch: name for branch, name in named if name in finished}
        self.branches: dict[str, Branch] = {}
        self._readers: dict[str, Signature] = {}

    @cached_property
    def signatures(self) -> dict[str, Signature]:
        """The functions to call, by name; all inputs and outputs are ``(batch,)``.

        ``metadata_only(artist, title, year)`` where the run holds a text model, and where it holds
        one that hears, ``serving_default(spectrogram_png, artist, title, year)``. Strings and int64
        years go in, "" and 0 = not known; ``popularity``, ``popularity_low`` and
        ``popularity_high`` (float32, 0-100) come out, NaN for a song whose image cannot be used and
        for one of which only things are known that the run has no model for.
        """
        found = {}
        if "text" in self.configurations:
            found[METADATA_ONLY] = tf.function(self._metadata_only, input_signature=_WORDS)
        if {"cnn", "combined"} & set(self.configurations):
            every = (_SPECTROGRAM, *_WORDS)
            found[WITH_SPECTROGRAM] = tf.function(self._with_spectrogram, input_signature=every)
        return found

    def _metadata_only(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Answer:
        return _named(self._text(artist, title, year))

    def _with_spectrogram(
        self, spectrogram_png: tf.Tensor, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> Answer:
        words = (artist, title, year)
        given = tf.not_equal(spectrogram_png, "")
        problems = tf.map_fn(png_problem, spectrogram_png, fn_output_signature=tf.string)
        usable = given & tf.equal(problems, "")
        told = _is_known(*words)
        cases = {
            "text": (self._text, ~given, words),
            "cnn": (self._cnn, usable & ~told, (spectrogram_png,)),
            "combined": (self._combined, usable & told, (spectrogram_png, *words)),
        }
        answer = tf.fill([tf.size(artist), len(OUTPUTS)], float("nan"))
        for branch in self.configurations:
            answer = _answer_rows(answer, *cases[branch])
        return _named(answer)

    def _text(self, *words: tf.Tensor) -> tf.Tensor:
        return self._branch("text")(self._read("text", words))

    def _cnn(self, spectrogram_png: tf.Tensor) -> tf.Tensor:
        return self._branch("cnn")(_heard(spectrogram_png))

    def _combined(self, spectrogram_png: tf.Tensor, *words: tf.Tensor) -> tf.Tensor:
        inputs = {**_heard(spectrogram_png), **self._read("combined", words)}
        return self._branch("combined")(inputs)

    def _read(self, branch: str, words: tuple[tf.Tensor, ...]) -> Answer:
        directory = self._run.reader_directory(self.configurations[branch])
        if directory.name not in self._readers:
            # A function of its own, so that a graph holds the vocabulary and the artists' songs
            # once, however many signatures need them.
            with tf.init_scope():  # what it holds must outlive the graph that is being traced
                reader = MetadataReader.load(directory)
            self._readers[directory.name] = tf.function(reader, input_signature=_WORDS)
        return self._readers[directory.name](*words)

    def _branch(self, branch: str) -> "Branch":
        if branch not in self.branches:
            name = self.configurations[branch]
            with tf.init_scope():
                model = self._run.load_model(name)
            self.branches[branch] = Branch(model, self._run.half_width(name))
        return self.branches[branch]


class Branch(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """A model with the interval around what it says."""

    def __init__(self, model: keras.Model, half_width: float) -> None:
        super().__init__()
        self._model = model
        # Named here, so that they are saved with the graph.
        self.weights = [variable.value for variable in model.variables]
        self._half_width = half_width

    def __call__(self, inputs: Answer) -> tf.Tensor:
        """Popularity, lower and upper end, ``(batch, 3)``."""
        popularity = self._model(inputs, training=False)[:, 0]
        ends = [popularity - self._half_width, popularity + self._half_width]
        return tf.clip_by_value(tf.stack([popularity, *ends], axis=1), 0.0, 100.0)


def _answer_rows(
    answer: tf.Tensor, predict: Predict, rows: tf.Tensor, columns: tuple[tf.Tensor, ...]
) -> tf.Tensor:
    """``answer`` with the rows filled in that ``rows``, ``(batch,)`` bool, marks."""

    def filled() -> tf.Tensor:
        places = tf.where(rows)
        chosen = (tf.gather_nd(column, places) for column in columns)
        return tf.tensor_scatter_nd_update(answer, places, predict(*chosen))

    # Convolutions fail on a batch of none.
    return tf.cond(tf.reduce_any(rows), filled, lambda: answer)


def _named(answer: tf.Tensor) -> Answer:
    return dict(zip(OUTPUTS, tf.unstack(answer, axis=1), strict=True))


def _heard(png: tf.Tensor) -> Answer:
    """What the CNN reads of files ``(batch,)``."""
    shrunk = tf.map_fn(load_spectrogram, png, fn_output_signature=tf.uint8)
    columns = tf.map_fn(png_columns, png, fn_output_signature=tf.int64)
    return {"spectrogram": tf.cast(shrunk, tf.float32), "columns": columns}


def _is_known(artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
    """Whether anything is known of a song that the text branch reads."""
    text = tf.strings.strip(tf.strings.join([artist, title]))
    return tf.not_equal(text, "") | tf.not_equal(year, UNKNOWN_YEAR)
