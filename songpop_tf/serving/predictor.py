"""Predict songs in batches with any :class:`songpop_tf.serving.backend.Backend`."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipelines.constants import FIRST_YEAR, LAST_YEAR, UNKNOWN_YEAR
from pipelines.errors import InputError
from pipelines.io import file_error
from songpop_tf.serving.backend import Backend, Inputs, RejectedBatchError
from songpop_tf.serving.schema import METADATA_ONLY, WITH_SPECTROGRAM, select_branch

MAX_BATCH_SONGS, MAX_BATCH_BYTES = 32, 2**24
"""Limits of a batch: number of songs, and bytes of their spectrogram files."""


@dataclass(frozen=True)
class Song:
    """The known inputs of a song; "", None and year 0 mean unknown.

    Raises:
        InputError: an impossible year, control characters, or nothing known at all.
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
            # Python decodes bytes of an argument that are not UTF-8 to surrogates (Cs).
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
                raise InputError(
                    f"expected text in UTF-8 without control characters, received {text!r}"
                )
        if not (self.has_metadata or self.spectrogram):
            raise InputError("expected an artist, a title, a year or a spectrogram, received none")

    @property
    def has_metadata(self) -> bool:
        """Whether the artist, the title or the year is known."""
        return bool(self.artist.strip() or self.title.strip() or self.year != UNKNOWN_YEAR)

    @property
    def known(self) -> str:
        """The branch that reads exactly the known inputs: a key of ``FALLBACKS``."""
        if self.spectrogram is None:
            return "text"
        return "combined" if self.has_metadata else "cnn"


class Prediction(NamedTuple):
    """Popularity, 0-100, with the ends of its 90 % prediction interval."""

    popularity: float
    low: float
    high: float


class Predictor:
    """Predicts songs in batches and explains why a song has no prediction.

    Args:
        backend: a training run, an exported model, or a server.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def identity(self) -> str:
        """Identifies the model: two predictors with the same identity predict the same."""
        return self._backend.identity

    def check(self, song: Song) -> None:
        """Check that a song can be predicted.

        Raises:
            InputError: its spectrogram cannot be read or used, or the model lacks a branch for it.
        """
        branches = self._backend.branches
        if select_branch(song.known, branches) is None:
            raise InputError(
                f"{self._backend.name}: expected a model named {song.known} for a song "
                f"{'with' if song.spectrogram else 'without'} spectrogram and "
                f"{'with' if song.has_metadata else 'without'} metadata, received "
                f"{', '.join(branches)}"
            )
        path = song.spectrogram
        if path is None:
            return
        problem = _image_error(path) if self._backend.validate_images else file_error(path)
        if problem:
            raise InputError(f"{path}: {problem}")

    def predict(self, songs: Sequence[Song]) -> list[Prediction | InputError]:
        """Predict each song.

        Args:
            songs: each has passed :meth:`check`.

        Returns:
            For each song its prediction, or the reason why the model has none.

        Raises:
            InputError: the model cannot be reached, or rejects every song of a batch.
        """
        results: dict[int, Prediction | InputError] = {}
        for signature in (METADATA_ONLY, WITH_SPECTROGRAM):
            indices = [index for index, song in enumerate(songs) if _signature(song) == signature]
            for batch in _batches(indices, songs):
                predictions = self._predict_batch([songs[index] for index in batch], signature)
                results |= dict(zip(batch, predictions, strict=True))
        return [results[index] for index in range(len(songs))]

    def _predict_batch(
        self, songs: Sequence[Song], signature: str
    ) -> list[Prediction | InputError]:
        try:
            rows = self._backend.predict_batch(signature, _inputs(songs, signature))
        except RejectedBatchError as error:
            if len(songs) == 1:
                return [self._explain(songs[0], error)]
            return self._predict_one_by_one(songs, signature, error)
        return [self._to_prediction(song, *row) for song, row in zip(songs, rows, strict=True)]

    def _predict_one_by_one(
        self, songs: Sequence[Song], signature: str, rejection: RejectedBatchError
    ) -> list[Prediction | InputError]:
        """Predict the songs of a rejected batch: a single one may be the cause."""
        results = [self._predict_batch([song], signature)[0] for song in songs]
        if all(isinstance(result, RejectedBatchError) for result in results):
            # The songs are not the cause: stop before a table causes a million rejections.
            raise InputError(str(rejection)) from None
        return results

    def _to_prediction(
        self, song: Song, popularity: float, low: float, high: float
    ) -> Prediction | InputError:
        if not math.isnan(popularity):
            return Prediction(popularity, low, high)
        error = InputError(f"{self._backend.name}: expected a prediction, received NaN")
        return self._explain(song, error)

    def _explain(self, song: Song, error: InputError) -> InputError:
        """The error of the song's spectrogram file, if not yet validated; else ``error``."""
        if self._backend.validate_images or song.spectrogram is None:
            return error
        problem = _image_error(song.spectrogram)
        return InputError(f"{song.spectrogram}: {problem}") if problem else error


def _image_error(path: Path) -> str:
    # Imported late: songs without spectrogram, or with a valid one, may not need TensorFlow.
    from songpop_tf.tf_logging import import_tensorflow_quietly

    import_tensorflow_quietly()
    from pipelines.spectrograms.shards import image_error

    return image_error(path)


def _signature(song: Song) -> str:
    return WITH_SPECTROGRAM if song.spectrogram else METADATA_ONLY


def _inputs(songs: Sequence[Song], signature: str) -> Inputs:
    inputs: Inputs = {
        "artist": [song.artist for song in songs],
        "title": [song.title for song in songs],
        "year": [song.year for song in songs],
    }
    if signature == WITH_SPECTROGRAM:
        inputs["spectrogram_png"] = [
            song.spectrogram.read_bytes() for song in songs if song.spectrogram
        ]
    return inputs


def _batches(indices: Sequence[int], songs: Sequence[Song]) -> Iterator[list[int]]:
    """Group indices into songs so that each batch respects both limits."""
    batch: list[int] = []
    batch_bytes = 0
    for index in indices:
        image = songs[index].spectrogram
        image_bytes = image.stat().st_size if image else 0
        too_large = batch_bytes + image_bytes > MAX_BATCH_BYTES
        if batch and (len(batch) == MAX_BATCH_SONGS or too_large):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(index)
        batch_bytes += image_bytes
    if batch:
        yield batch
