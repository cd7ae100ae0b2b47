"""Predict songs with whatever answers: a training run, an exported model, or a server."""

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.errors import InputError
from pipelines.files import unreadable
from pipelines.years import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from songpop_tf.serving.names import METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM, answering

SONGS_AT_ONCE, BYTES_AT_ONCE = 32, 2**24
"""No more songs, nor more bytes of their images, are asked about together."""

Inputs = dict[str, list[Any]]
"""Columns of one length by the name of a signature's input; PNG files as bytes."""
Ask = Callable[[str, Inputs], list[tuple[float, float, float]]]
"""Puts columns to the signature of that name: popularity, lower and upper end of each song.

It raises :class:`RefusedError` where something about the songs is wrong."""


class RefusedError(InputError):
    """A model refused a batch for what is in it; other songs may be answered."""


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
            # Bytes of an argument that are not UTF-8 come as surrogates.
            if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
                raise InputError(
                    f"expected text in UTF-8 without control characters, received {text!r}"
                )
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
    """Predicts songs by asking a model.

    Args:
        name: of the model, which also stands before errors.
        branches: "text", "cnn" and "combined", as far as the model has them.
        ask: answers for batches of songs.
        looks_first: whether spectrogram files are decoded before the model is asked. Else they
            are only where it has no answer, to say why; it must survive any file, then.
        identity: of the model; another one where the same name may stand for other answers.
    """

    def __init__(
        self,
        name: str,
        branches: Sequence[str],
        ask: Ask,
        *,
        looks_first: bool = True,
        identity: str = "",
    ) -> None:
        self.name = name
        self.identity = identity or name
        self._branches = branches
        self._ask = ask
        self._looks_first = looks_first

    def check(self, song: Song) -> None:
        """Make sure that a song can be predicted.

        Raises:
            InputError: its spectrogram cannot be read or used, or the model lacks a branch for it.
        """
        if answering(song.known, self._branches) is None:
            raise InputError(
                f"{self.name}: expected a model named {song.known} for a song "
                f"{'with' if song.spectrogram else 'without'} spectrogram and "
                f"{'with' if song.has_text else 'without'} text, found {', '.join(self._branches)}"
            )
        path = song.spectrogram
        if path is None:
            return
        if problem := _image_problem(path) if self._looks_first else unreadable(path):
            raise InputError(f"{path}: {problem}")

    def predict(self, songs: Sequence[Song]) -> list[Prediction | InputError]:
        """Predict each song.

        Args:
            songs: such as :meth:`check` lets pass.

        Returns:
            For each song its prediction, or why the model gave none.
        """
        results: dict[int, Prediction | InputError] = {}
        for heard in (False, True):
            places = [place for place, song in enumerate(songs) if bool(song.spectrogram) == heard]
            for batch in _batches(places, songs):
                found = self._predict_batch([songs[place] for place in batch], heard)
                results |= dict(zip(batch, found, strict=True))
        return [results[place] for place in range(len(songs))]

    def _predict_batch(self, songs: Sequence[Song], heard: bool) -> list[Prediction | InputError]:
        try:
            rows = self._ask(WITH_SPECTROGRAM if heard else METADATA_ONLY, _inputs(songs, heard))
        except RefusedError as refused:
            if len(songs) == 1:
                return [self._explained(songs[0], refused)]
            # One song may have spoilt it for the others.
            found = [self._predict_batch([song], heard)[0] for song in songs]
            if all(isinstance(one, RefusedError) for one in found):
                # Not the songs are at fault, then: nobody waits for a million refusals.
                raise InputError(str(refused)) from None
            return found
        return [self._prediction(song, *row) for song, row in zip(songs, rows, strict=True)]

    def _prediction(
        self, song: Song, popularity: float, low: float, high: float
    ) -> Prediction | InputError:
        if not math.isnan(popularity):
            return Prediction(popularity, low, high)
        error = InputError(f"{self.name}: has no answer for what is known of this song")
        return self._explained(song, error)

    def _explained(self, song: Song, error: InputError) -> InputError:
        """What is wrong with the song's file, if nobody looked before; else the error as it is."""
        if self._looks_first or song.spectrogram is None:
            return error
        problem = _image_problem(song.spectrogram)
        return InputError(f"{song.spectrogram}: {problem}") if problem else error


def answered_rows(
    answer: Mapping[str, npt.NDArray[np.float32]],
) -> list[tuple[float, float, float]]:
    """What an ``Ask`` returns, of the columns ``OUTPUTS`` that a signature gives."""
    rows = np.stack([answer[output] for output in OUTPUTS], axis=1)
    return [tuple(row) for row in rows.astype("float64").tolist()]


def _image_problem(path: Path) -> str:
    # Words alone, and files that are fine, may need none of TensorFlow, which takes seconds.
    from songpop_tf.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from pipelines.shards import image_problem

    return image_problem(path)


def _inputs(songs: Sequence[Song], heard: bool) -> Inputs:
    inputs: Inputs = {
        "artist": [song.artist for song in songs],
        "title": [song.title for song in songs],
        "year": [song.year for song in songs],
    }
    if heard:
        inputs["spectrogram_png"] = [
            song.spectrogram.read_bytes() for song in songs if song.spectrogram
        ]
    return inputs


def _batches(places: Sequence[int], songs: Sequence[Song]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for place in places:
        image = songs[place].spectrogram
        bytes_more = image.stat().st_size if image else 0
        if batch and (len(batch) == SONGS_AT_ONCE or size + bytes_more > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += bytes_more
    if batch:
        yield batch
