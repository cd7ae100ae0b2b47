"""The interface between `Predictor` and a model: in this process or on a server."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt

from pipelines.errors import InputError
from pipelines.metadata.year_quantiles import YearSongs
from songpop_tf.serving.schema import HISTORY_OUTPUTS, OUTPUTS, USABLE

Inputs = dict[str, list[Any]]
"""Columns by input name; PNG files as bytes."""


class HistorySong(NamedTuple):
    """What a model is shown of another song of a song's artists.

    Attributes:
        year: of that song; 0 = unknown.
        difference: its popularity minus that expected of its year, in points.
        represented: the number of songs that it stands for; 0 if there is none.
    """

    year: int
    difference: float
    represented: float


class Row(NamedTuple):
    """Outputs for a song.

    Attributes:
        popularity, low, high: the prediction and the ends of its interval.
        usable: whether the song's inputs were usable.
        left_out: of the signature "history", the song that is left out.
    """

    popularity: float
    low: float
    high: float
    usable: bool
    left_out: HistorySong | None = None


Rows = list[Row]


class RejectedBatchError(InputError):
    """A backend rejected a batch because of a song in it; other songs may be predicted."""


class Backend(Protocol):
    """A model that predicts batches of songs.

    Attributes:
        name: of the model, for error messages.
        branches: "text", "cnn" and "combined", as far as the model has them.
        validate_images: whether the predictor decodes spectrogram files before it calls the
            backend. If False, it decodes a file only to explain a missing prediction, and the
            backend must tolerate any file.
    """

    name: str
    branches: list[str]
    validate_images: bool

    @property
    def identity(self) -> str:
        """Changes whenever the same name may stand for other predictions.

        A fingerprint of the model's files, or the version of a served one.
        """
        ...

    @property
    def signatures(self) -> Collection[str]:
        """The names of the model's signatures."""
        ...

    @property
    def year_quantiles(self) -> Mapping[int, YearSongs] | None:
        """How popular the training songs of each year are; None if that is not known."""
        ...

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        """Predict a batch of songs.

        Args:
            signature: "metadata_only", "serving_default", "occlusion" or "history".
            inputs: a column for each input of the signature; of equal length but for the single
                ``spectrogram_png`` of "occlusion".

        Raises:
            RejectedBatchError: a song of the batch cannot be processed.
            InputError: the model cannot be reached or does not respond as expected.
        """
        ...


def rows_from_arrays(outputs: Mapping[str, npt.NDArray[Any]]) -> Rows:
    """Convert the outputs of a signature, each ``(batch,)``, to one row for each song."""
    return rows_from_lists({name: column.tolist() for name, column in outputs.items()})


def rows_from_lists(outputs: Mapping[str, Sequence[Any]]) -> Rows:
    """As `rows_from_arrays`, from lists."""
    popularity, low, high, usable = (outputs[name] for name in (*OUTPUTS, USABLE))
    songs: Sequence[HistorySong | None] = [None] * len(usable)
    if set(HISTORY_OUTPUTS) <= set(outputs):
        years, differences, counts = (outputs[name] for name in HISTORY_OUTPUTS)
        songs = [
            HistorySong(int(year), float(difference), float(count))
            for year, difference, count in zip(years, differences, counts, strict=True)
        ]
    columns = (map(float, popularity), map(float, low), map(float, high), usable, songs)
    return [Row(*values) for values in zip(*columns, strict=True)]
