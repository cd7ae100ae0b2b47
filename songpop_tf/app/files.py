"""Several sound files and spectrograms, predicted one after another."""

import json
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from songpop_tf.app.charts import table_histogram
from songpop_tf.app.songs import song_of_file
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.schema import OUTPUTS


def predict_file(backend: Backend, path: Path) -> dict[str, str]:
    """Predict a sound file or spectrogram; the other fields come from its tags or its name.

    Returns:
        The cells of its row in a table, by column.

    Raises:
        InputError: the file is neither or cannot be used, or the model cannot predict it.
    """
    predictor = Predictor(backend)
    song = song_of_file(predictor, path)
    predictor.check(song)
    (prediction,) = predictor.predict_songs([song])
    if isinstance(prediction, InputError):
        raise prediction
    known = {"artist": song.artist, "title": song.title, "year": str(song.year or "")}
    outputs = zip(OUTPUTS, (f"{value:.2f}" for value in prediction), strict=True)
    return {"file": path.name, **known, **dict(outputs)}


def histogram_of(path: Path) -> str:
    """The histogram of a JSON file with a list of numbers, as HTML.

    Raises:
        InputError: the file holds something else.
    """
    try:
        content: Any = json.loads(path.read_bytes())
        popularity = [float(value) for value in content]
    except (ValueError, TypeError):
        raise InputError("popularity: expected a list of numbers, received another file") from None
    return table_histogram(popularity)
