"""Predict songs in batches with any `songpop_tf.serving.backend.Backend`."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from pipelines.errors import InputError
from pipelines.io import StrPath, file_error
from pipelines.spectrograms.widths import ResizedImages
from songpop_tf.serving.backend import Backend, RejectedBatchError, Row
from songpop_tf.serving.field_values import FieldValues, field_values, rows_of
from songpop_tf.serving.schema import AUDIO_BRANCHES, METADATA_ONLY, WITH_SPECTROGRAM, select_branch
from songpop_tf.serving.song import Song
from songpop_tf.serving.song_batches import LoadedSong, batch_inputs, load_batches

if TYPE_CHECKING:
    import pandas as pd


class Prediction(NamedTuple):
    """Popularity, 0-100, with the ends of its 90 % prediction interval."""

    popularity: float
    low: float
    high: float


class Predictor:
    """Predicts songs in batches and explains why a song has no prediction.

    Args:
        backend: a training run, an exported model, or a server.

    Attributes:
        resized: the spectrograms that `check` found usable, but probably resized.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.resized = ResizedImages()

    @property
    def backend(self) -> Backend:
        """The model."""
        return self._backend

    @property
    def identity(self) -> str:
        """Identifies the model: two predictors with the same identity predict the same."""
        return self._backend.identity

    @property
    def reads_spectrograms(self) -> bool:
        """Whether the model can predict songs by their spectrogram or audio."""
        return bool(AUDIO_BRANCHES.intersection(self._backend.branches))

    def check(self, song: Song) -> None:
        """Check that a song can be predicted.

        Raises:
            InputError: its spectrogram cannot be read or used, or the model lacks a branch for it.
        """
        branches = self._backend.branches
        if select_branch(song.input_branch, branches) is None:
            raise InputError(
                f"{self._backend.name}: expected a model named {song.input_branch} for a song "
                f"{'with' if song.image_file else 'without'} spectrogram and "
                f"{'with' if song.has_metadata else 'without'} metadata, received "
                f"{', '.join(branches)}"
            )
        path = song.image_file
        if path is None:
            return
        # A sound file is only decoded once, when the song is predicted.
        decode = self._backend.validate_images and song.audio is None
        problem = _image_error(path) if decode else file_error(path)
        if problem:
            raise InputError(f"{path}: {problem}")
        if song.spectrogram is not None:
            self.resized.check(song.spectrogram)

    @overload
    def predict(self, table: "pd.DataFrame", /) -> "pd.DataFrame": ...

    @overload
    def predict(
        self,
        /,
        *,
        artist: str | None = ...,
        title: str | None = ...,
        year: float | str | None = ...,
        spectrogram: StrPath | None = ...,
        audio: StrPath | None = ...,
    ) -> Prediction: ...

    def predict(
        self,
        table: "pd.DataFrame | None" = None,
        /,
        *,
        artist: str | None = None,
        title: str | None = None,
        year: float | str | None = None,
        spectrogram: StrPath | None = None,
        audio: StrPath | None = None,
    ) -> "Prediction | pd.DataFrame":
        """Predict one song, or a table of songs; None, NaN and "" mean unknown.

        Args:
            table: columns artist, title, year, and optionally spectrogram or audio; others are
                ignored.
            artist: of one song; several artists are separated by commas.
            title: of the song.
            year: of its release.
            spectrogram: its PNG file.
            audio: its sound file, instead of a spectrogram.

        Returns:
            The prediction; or a table with the index of ``table`` and the columns popularity, low
            and high.

        Raises:
            InputError: a song cannot be predicted; the message names the argument or file, and the
                row of the table. `songpop_tf.serving.predict_csv.predict_csv` goes on instead.
        """
        fields = {
            "artist": artist,
            "title": title,
            "year": year,
            "spectrogram": spectrogram,
            "audio": audio,
        }
        if table is None:
            return self._predict_all([("", fields)])[0]
        if given := [name for name, value in fields.items() if value is not None]:
            raise InputError(
                f"{', '.join(given)}: expected a table or the fields of one song, received both"
            )
        import pandas as pd

        rows = [(f"row {label!r}: ", values) for label, values in rows_of(table)]
        columns = list(Prediction._fields)
        return pd.DataFrame(self._predict_all(rows), table.index, columns, "float64")

    def _predict_all(self, rows: Sequence[tuple[str, FieldValues]]) -> list[Prediction]:
        """Predict all rows, or raise an error that begins with the first string of its row."""
        songs = []
        for where, values in rows:
            try:
                songs.append(Song(**field_values(**values)))
                self.check(songs[-1])
            except InputError as error:
                raise InputError(f"{where}{error}") from None
        if warning := self.resized.warning:
            warnings.warn(warning, stacklevel=3)
        predictions = []
        for (where, _), result in zip(rows, self.predict_songs(songs), strict=True):
            if isinstance(result, InputError):
                raise InputError(f"{where}{result}")
            predictions.append(result)
        return predictions

    def predict_songs(
        self, songs: Sequence[Song], processes: int | None = 1
    ) -> list[Prediction | InputError]:
        """Predict each song; one that has no prediction does not affect the others.

        Args:
            songs: each has passed `check`.
            processes: largest number of processes that draw the spectrograms of sound files; None
                for one a core. Several hold all spectrograms in memory, and are spawned, so that a
                script must call this under ``if __name__ == "__main__":``.

        Returns:
            For each song its prediction, or the reason why the model has none.

        Raises:
            InputError: the model cannot be reached, or rejects every song of a batch.
        """
        results: dict[int, Prediction | InputError] = {}
        rejected: dict[int, InputError] = {}
        for is_image in (False, True):
            indices = [i for i, song in enumerate(songs) if bool(song.image_file) == is_image]
            for batch in load_batches(songs, indices, processes, rejected):
                predictions = self._predict_batch([item for _, item in batch])
                results |= dict(zip((index for index, _ in batch), predictions, strict=True))
        results |= rejected
        return [results[index] for index in range(len(songs))]

    def _predict_batch(self, batch: Sequence[LoadedSong]) -> list[Prediction | InputError]:
        signature = METADATA_ONLY if batch[0].png is None else WITH_SPECTROGRAM
        try:
            rows = self._backend.predict_batch(signature, batch_inputs(batch))
        except RejectedBatchError as error:
            if len(batch) == 1:
                return [self._explain(batch[0].song, error)]
            return self._predict_one_by_one(batch, error)
        return [self._to_prediction(item.song, row) for item, row in zip(batch, rows, strict=True)]

    def _predict_one_by_one(
        self, batch: Sequence[LoadedSong], rejection: RejectedBatchError
    ) -> list[Prediction | InputError]:
        """Predict the songs of a rejected batch: a single one may be the cause."""
        results = [self._predict_batch([item])[0] for item in batch]
        if all(isinstance(result, RejectedBatchError) for result in results):
            # The songs are not the cause: stop before a table causes a million rejections.
            raise InputError(str(rejection)) from None
        return results

    def _to_prediction(self, song: Song, row: Row) -> Prediction | InputError:
        if row.usable:
            return Prediction(row.popularity, row.low, row.high)
        # What the other fields say is no prediction of the song that was asked for.
        source = song.image_file or self._backend.name
        error = InputError(f"{source}: expected inputs that the model can use, received others")
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
