"""Predict songs with the models of a training run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.kaggle import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.metadata import MetadataReader
from pipelines.shards import image_problem
from pipelines.spectrogram import load_spectrogram
from songpop_tf.training.conformal import interval
from songpop_tf.training.run import Run

_BATCH = 32


@dataclass(frozen=True)
class Song:
    """What is known of a song; "" or None or year 0 = not known.

    Raises:
        InputError: an impossible year, or nothing known at all.
    """

    artist: str = ""
    title: str = ""
    year: int = UNKNOWN_YEAR
    spectrogram: Path | None = None

    def __post_init__(self) -> None:
        if self.year != UNKNOWN_YEAR and not FIRST_YEAR <= self.year <= LAST_YEAR:
            raise InputError(
                f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, or none if it is unknown; "
                f"received {self.year}"
            )
        for text in (self.artist, self.title):
            if not text.isprintable():
                raise InputError(f"expected printable text in UTF-8, received {text!r}")
        if not (self.has_text or self.spectrogram):
            raise InputError("expected an artist, a title, a year or a spectrogram, received none")

    @property
    def has_text(self) -> bool:
        """Whether anything is known that the text branch reads."""
        return bool(self.artist.strip() or self.title.strip() or self.year != UNKNOWN_YEAR)


class Prediction(NamedTuple):
    """Popularity, 0-100, and the interval that holds the truth for 9 of 10 songs."""

    popularity: float
    low: float
    high: float


class Predictor:
    """Predicts each song with the model of a run that fits what is known of the song.

    With a spectrogram and text that is "combined", with one of them "cnn" or "text"; the naive
    model takes its place where a run holds no other.

    Args:
        run: a training run.

    Raises:
        InputError: the run has no finished model.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._finished = run.finished()
        if not self._finished:
            raise InputError(f"{run.directory}: expected trained models, found none")
        self._loaded: dict[str, tuple[keras.Model, MetadataReader | None]] = {}

    def check(self, song: Song) -> None:
        """Make sure that a song can be predicted.

        Raises:
            InputError: its spectrogram cannot be used, or the run has no model for what is known.
        """
        self._model_for(song)
        if song.spectrogram is not None and (problem := image_problem(song.spectrogram)):
            raise InputError(f"{song.spectrogram}: {problem}")

    def predict(self, songs: Sequence[Song]) -> list[Prediction]:
        """Predict each song.

        Args:
            songs: such as :meth:`check` lets pass.
        """
        names = [self._model_for(song) for song in songs]
        results: dict[int, Prediction] = {}
        for name in dict.fromkeys(names):
            places = [place for place, chosen in enumerate(names) if chosen == name]
            for first in range(0, len(places), _BATCH):
                batch = places[first : first + _BATCH]
                found = self._predict_with(name, [songs[place] for place in batch])
                results |= dict(zip(batch, found, strict=True))
        return [results[place] for place in range(len(songs))]

    def _model_for(self, song: Song) -> str:
        kind = "text" if song.spectrogram is None else "combined" if song.has_text else "cnn"
        for name in (kind, f"{kind}_naive"):
            if name in self._finished:
                return name
        raise InputError(
            f"{self._run.directory}: expected a model named {kind} for a song "
            f"{'with' if song.spectrogram else 'without'} spectrogram and "
            f"{'with' if song.has_text else 'without'} text, found {', '.join(self._finished)}"
        )

    def _predict_with(self, name: str, songs: Sequence[Song]) -> list[Prediction]:
        if name not in self._loaded:
            reader = None if name.startswith("cnn") else self._run.load_reader(name)
            self._loaded[name] = (self._run.load_model(name), reader)
        model, reader = self._loaded[name]
        inputs: dict[str, tf.Tensor] = {}
        if not name.startswith("text"):
            images = [load_spectrogram(tf.io.read_file(str(song.spectrogram))) for song in songs]
            inputs["spectrogram"] = tf.cast(tf.stack(images), tf.float32)
        if reader is not None:
            inputs |= reader(
                tf.constant([song.artist for song in songs]),
                tf.constant([song.title for song in songs]),
                tf.constant([song.year for song in songs]),
            )
        popularity = model(inputs, training=False).numpy()[:, 0].astype("float64")
        low, high = interval(popularity, self._run.half_width(name))
        ends = zip(popularity.tolist(), low.tolist(), high.tolist(), strict=True)
        return [Prediction(*one) for one in ends]
