"""Predict songs with a training run or an exported model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.kaggle import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.shards import image_problem
from songpop_tf.serving.names import (
    METADATA_ONLY,
    OUTPUTS,
    WITH_SPECTROGRAM,
    Signature,
    answering,
)

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

    @property
    def known(self) -> str:
        """The branch that was made for what is known: a key of ``ANSWERED_BY``."""
        if self.spectrogram is None:
            return "text"
        return "combined" if self.has_text else "cnn"


class Prediction(NamedTuple):
    """Popularity, 0-100, and the interval that holds the truth for 9 of 10 songs."""

    popularity: float
    low: float
    high: float


class Predictor:
    """Predicts songs through the signatures of a model.

    Args:
        name: of the model, for errors.
        branches: "text", "cnn" and "combined", as far as the model has them.
        signatures: see :class:`songpop_tf.serving.signatures.SongModel`.
    """

    def __init__(
        self, name: str, branches: Sequence[str], signatures: Mapping[str, Signature]
    ) -> None:
        self._name = name
        self._branches = branches
        self._signatures = signatures

    def check(self, song: Song) -> None:
        """Make sure that a song can be predicted.

        Raises:
            InputError: its spectrogram cannot be used, or the model lacks a branch for it.
        """
        if answering(song.known, self._branches) is None:
            raise InputError(
                f"{self._name}: expected a model named {song.known} for a song "
                f"{'with' if song.spectrogram else 'without'} spectrogram and "
                f"{'with' if song.has_text else 'without'} text, found {', '.join(self._branches)}"
            )
        if song.spectrogram is not None and (problem := image_problem(song.spectrogram)):
            raise InputError(f"{song.spectrogram}: {problem}")

    def predict(self, songs: Sequence[Song]) -> list[Prediction]:
        """Predict each song.

        Args:
            songs: such as :meth:`check` lets pass.
        """
        results: dict[int, Prediction] = {}
        for heard in (False, True):
            places = [place for place, song in enumerate(songs) if bool(song.spectrogram) == heard]
            for first in range(0, len(places), _BATCH):
                batch = places[first : first + _BATCH]
                found = self._predict_batch([songs[place] for place in batch], heard)
                results |= dict(zip(batch, found, strict=True))
        return [results[place] for place in range(len(songs))]

    def _predict_batch(self, songs: Sequence[Song], heard: bool) -> list[Prediction]:
        inputs = {
            "artist": tf.constant([song.artist for song in songs]),
            "title": tf.constant([song.title for song in songs]),
            "year": tf.constant([song.year for song in songs], tf.int64),
        }
        if heard:
            files = [song.spectrogram.read_bytes() for song in songs if song.spectrogram]
            inputs["spectrogram_png"] = tf.constant(files)
        answer = self._signatures[WITH_SPECTROGRAM if heard else METADATA_ONLY](**inputs)
        rows = np.stack([answer[output].numpy() for output in OUTPUTS], axis=1)
        return [Prediction(*row) for row in rows.astype("float64").tolist()]
