"""Predict a catalogue on many machines, with Apache Beam's ``RunInference``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apache_beam.ml.inference.base import ModelHandler

from pipelines.errors import InputError
from pipelines.io import StrPath
from songpop_tf.serving.loading import load
from songpop_tf.serving.predictor import Prediction, Predictor
from songpop_tf.serving.song import Song

Result = tuple[Song, Prediction | str]
"""A song, and its prediction or why it has none."""


class SongModelHandler(ModelHandler[Song, Result, Predictor]):  # type: ignore[misc]  # untyped
    """Lets Apache Beam load a model in each worker, and predict songs with it.

    The elements of the pipeline are `songpop_tf.serving.song.Song`, and become `Result`.
    All workers must see the model and the songs' files under the same paths.

        songs | RunInference(SongModelHandler("saved_models/songpop"))

    Args:
        model: as of `songpop_tf.load`; None is the model that is installed with the package.
    """

    def __init__(self, model: StrPath | None = None) -> None:
        super().__init__()
        self._model = None if model is None else str(model)

    def load_model(self) -> Predictor:
        """Load the model; called once by each worker.

        Raises:
            InputError: there is no such model.
        """
        return load(self._model)

    def run_inference(
        self,
        batch: Sequence[Song],
        model: Predictor,
        inference_args: Mapping[str, Any] | None = None,
    ) -> Iterator[Result]:
        """Predict songs; one that has no prediction does not affect the others.

        Raises:
            InputError: the model cannot be reached.
        """
        del inference_args  # the model takes none
        checked = [(song, _problem(model, song)) for song in batch]
        yield from (item for item in checked if item[1])
        predicted = [song for song, problem in checked if not problem]
        for song, result in zip(predicted, model.predict_songs(predicted), strict=True):
            yield song, str(result) if isinstance(result, InputError) else result


def _problem(model: Predictor, song: Song) -> str:
    """Why the model cannot predict a song; empty if it can."""
    try:
        model.check(song)
    except InputError as error:
        return str(error)
    return ""
