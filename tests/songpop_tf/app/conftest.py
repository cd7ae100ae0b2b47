"""The model behind the page, and files to drop on it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.prepared_data import PreparedData
from pipelines.splits import TEST
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.song import Song


@pytest.fixture(scope="session")
def backend(exported_backend: Backend) -> Backend:
    """The exported model."""
    return exported_backend


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a falling tone, with artist and title in its name."""
    path = tmp_path_factory.mktemp("sound") / "Some Band - Some Song.wav"
    seconds = np.arange(3 * 24_000) / 24_000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (900 - 100 * seconds) * seconds), 24_000)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four songs; the last one has no usable year."""
    path = tmp_path / "songs.csv"
    path.write_text(
        "artist,title,year,shelf\nA,One,1999,b\nB,Two,2001,a\nC,,,c\nD,Four,soon,d\n", "utf-8"
    )
    return path


@pytest.fixture(scope="session")
def song(data: PreparedData, sample: Path) -> Song:
    """A test song of which everything is known."""
    row = data.songs_of(TEST).iloc[0]
    return Song(row.artist, row.title, int(row.year), sample / "spectrograms" / row.file)
