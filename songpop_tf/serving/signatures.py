"""What is served: from PNG files and plain words to popularity, inside one TensorFlow graph.

The functions here are what ``predict`` calls and what ``export`` saves, and they read songs with
the same functions that training did: what is trained, predicted and served cannot drift apart.
"""

from collections.abc import Callable
from functools import cached_property, partial

import keras
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.metadata import MetadataReader
from pipelines.spectrogram import load_spectrogram, png_columns, png_problem
from pipelines.words import pattern_of
from songpop_tf.serving.names import (
    HEARING,
    METADATA_ONLY,
    OUTPUTS,
    WITH_SPECTROGRAM,
    Signature,
    answering,
)
from songpop_tf.serving.predict import Inputs, answered_rows
from songpop_tf.training.conformal import Vector
from songpop_tf.training.run import Run

Answer = dict[str, tf.Tensor]
Predict = Callable[..., tf.Tensor]

_SPECTROGRAM = tf.TensorSpec([None], tf.string, name="spectrogram_png")
_WORDS = (
    tf.TensorSpec([None], tf.string, name="artist"),
    tf.TensorSpec([None], tf.string, name="title"),
    tf.TensorSpec([None], tf.int64, name="year"),
)
_DTYPES = {spec.name: spec.dtype for spec in (_SPECTROGRAM, *_WORDS)}


class SongModel:
    """The models of a run behind one question: how popular is a song of which this much is known?

    A song without spectrogram is answered by "text", one with nothing else by "cnn", others by
    "combined"; where the run lacks that, by another that can (``ANSWERED_BY``). Models are loaded
    when they are needed first.

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
        self.configurations = run.best_by_branch()
        if not self.configurations:
            raise InputError(f"{run.directory}: expected trained models, found none")
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
        if HEARING & set(self.configurations):
            every = (_SPECTROGRAM, *_WORDS)
            found[WITH_SPECTROGRAM] = tf.function(self._with_spectrogram, input_signature=every)
        return found

    def ask(self, signature: str, inputs: Inputs) -> list[tuple[float, float, float]]:
        """Put columns to a signature, see :data:`songpop_tf.serving.predict.Ask`."""
        tensors = {name: tf.constant(column, _DTYPES[name]) for name, column in inputs.items()}
        answer = self.signatures[signature](**tensors)
        return answered_rows({output: column.numpy() for output, column in answer.items()})

    def _metadata_only(self, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor) -> Answer:
        return _named(self._text(artist, title, year))

    def _with_spectrogram(
        self, spectrogram_png: tf.Tensor, artist: tf.Tensor, title: tf.Tensor, year: tf.Tensor
    ) -> Answer:
        given = tf.not_equal(spectrogram_png, "")
        usable = given & tf.equal(png_problem(spectrogram_png), "")
        told = pattern_of(artist, title, year) > 0
        rows = {"text": ~given, "cnn": usable & ~told, "combined": usable & told}
        answer = tf.fill([tf.size(artist), len(OUTPUTS)], float("nan"))
        for known, asked in rows.items():
            if branch := answering(known, self.configurations):
                predict = partial(self._answers[branch], spectrogram_png)
                # Files stay where they are: choosing some would copy megabytes of each.
                columns = (tf.range(tf.size(artist)), artist, title, year)
                answer = _answer_rows(answer, predict, asked, columns)
        return _named(answer)

    @cached_property
    def _answers(self) -> dict[str, Predict]:
        """By branch, what answers for places in a batch of PNG files, artists, titles and years."""
        return {
            "text": lambda _files, _places, *words: self._text(*words),
            "cnn": self._cnn,
            "combined": self._combined,
        }

    def _text(self, *words: tf.Tensor) -> tf.Tensor:
        return self._branch("text")(self._read("text", words), pattern_of(*words))

    def _cnn(self, png: tf.Tensor, places: tf.Tensor, *words: tf.Tensor) -> tf.Tensor:
        return self._branch("cnn")(_heard(png, places), pattern_of(*words))

    def _combined(self, png: tf.Tensor, places: tf.Tensor, *words: tf.Tensor) -> tf.Tensor:
        inputs = {**_heard(png, places), **self._read("combined", words)}
        return self._branch("combined")(inputs, pattern_of(*words))

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
            self.branches[branch] = Branch(model, self._run.half_widths(name))
        return self.branches[branch]


class Branch(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """A model with the interval around what it says.

    Args:
        model: gives popularity, ``(batch, 1)``.
        half_widths: ``(8,)`` points to either side, by the number of a pattern.
    """

    def __init__(self, model: keras.Model, half_widths: Vector) -> None:
        super().__init__()
        self._model = model
        # Named here, so that they are saved with the graph.
        self.weights = [variable.value for variable in model.variables]
        self._half_widths = half_widths

    def __call__(self, inputs: Answer, pattern: tf.Tensor) -> tf.Tensor:
        """Popularity, lower and upper end, ``(batch, 3)``.

        Args:
            inputs: of the model.
            pattern: which words are known of each song, from :func:`pipelines.words.pattern_of`.
        """
        popularity = self._model(inputs, training=False)[:, 0]
        points = tf.gather(tf.constant(self._half_widths, tf.float32), pattern)
        ends = [popularity - points, popularity + points]
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


def _heard(png: tf.Tensor, places: tf.Tensor) -> Answer:
    """What the CNN reads of the files ``(batch,)`` at some places."""
    shrunk = tf.map_fn(
        lambda place: load_spectrogram(png[place]), places, fn_output_signature=tf.uint8
    )
    columns = tf.gather(png_columns(png), places)
    return {"spectrogram": tf.cast(shrunk, tf.float32), "columns": columns}
