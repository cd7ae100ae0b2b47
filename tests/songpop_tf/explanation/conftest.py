"""A song of the sample and its explanation."""

from pathlib import Path

import pytest

from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST
from songpop_tf.explanation.explain import Explanation, explain
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song


@pytest.fixture(scope="session")
def song(data: PreparedData, sample: Path) -> Song:
    """A test song of which everything is known."""
    row = data.songs_of(TEST).iloc[0]
    return Song(row.artist, row.title, int(row.year), sample / "spectrograms" / row.file)


@pytest.fixture(scope="session")
def explanation(song: Song, exported_backend: Backend) -> Explanation:
    """Of the song, by the exported model."""
    return explain(Predictor(exported_backend), song)
