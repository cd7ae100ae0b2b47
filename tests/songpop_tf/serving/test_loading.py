"""Opening models from folders and URLs."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from songpop_tf.serving.backend import Backend
from songpop_tf.serving.loading import connect, load
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song
from songpop_tf.training.run import Run


def test_run_and_exported_model_predict_the_same(
    run_backend: Backend, exported_backend: Backend, sample: Path
) -> None:
    png = next((sample / "spectrograms").rglob("*.png"))
    songs = [Song("A", "B", 1999), Song(spectrogram=png), Song("A", "B", 1999, png)]
    expected, received = (
        Predictor(backend).predict_songs(songs) for backend in (run_backend, exported_backend)
    )
    np.testing.assert_allclose(received, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("songpop", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("http://[abc/v1/models/x", "Invalid IPv6 URL"),
        ("http://a..b/v1/models/x", "expected a response"),
        ("http://127.0.0.1:1", "expected http://HOST:8501/v1/models/NAME or grpc://"),
        ("http://127.0.0.1:1/v1/models/songpop", "expected a response, received none: "),
        ("grpc://127.0.0.1:1/songpop", "UNAVAILABLE"),
    ],
)
@pytest.mark.usefixtures("short_waits")
def test_url_without_a_server_is_reported(url: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        connect(url)
    assert message in str(raised.value)
    assert "object at 0x" not in str(raised.value)


def test_load_takes_every_kind_of_folder(run: Run, run_backend: Backend, exported: Path) -> None:
    (expected,) = Predictor(run_backend).predict_songs([Song("A", "B", 1999)])
    for source in (str(run.directory), exported, str(exported.parent)):
        received = load(source).predict(artist="A", title="B", year=1999)
        np.testing.assert_allclose(received, expected, atol=1e-3)


def test_load_takes_urls(run_backend: Backend, url: str, sample: Path) -> None:
    png = next((sample / "spectrograms").rglob("*.png"))
    expected = Predictor(run_backend).predict(artist="A", title="B", year=1999, spectrogram=png)
    received = load(url).predict(artist="A", title="B", year=1999, spectrogram=str(png))
    np.testing.assert_allclose(received, expected, atol=1e-3)


def test_load_takes_folders_and_urls_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source: expected a folder or a URL, received int"):
        load(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected a training run"):
        load(tmp_path / "none")
