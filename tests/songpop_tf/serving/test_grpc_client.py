"""gRPC client with a server that fails in various ways."""

from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from songpop_tf.serving.loading import connect
from songpop_tf.serving.predictor import Song
from tests.songpop_tf.serving.fake_server import ServedModel

SONG = Song("Queen", "Innuendo", 1991)


def test_transient_failures_are_retried(
    grpc_url: str, served_model: ServedModel, tmp_path: Path
) -> None:
    # Larger than the requests that gRPC itself retries.
    noise = np.random.default_rng(0).integers(0, 256, (256, 2000), dtype="uint8")
    Image.fromarray(noise).save(tmp_path / "song.png")
    predictor = connect(grpc_url)
    for song in (SONG, Song("Queen", "Innuendo", 1991, tmp_path / "song.png")):
        served_model.faults = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert not isinstance(predictor.predict_songs([song])[0], InputError)
        assert served_model.faults == []


def test_permanent_failures_are_raised(grpc_url: str, served_model: ServedModel) -> None:
    predictor = connect(grpc_url)
    served_model.faults = [grpc.StatusCode.INTERNAL]
    with pytest.raises(InputError, match="expected status OK, received INTERNAL: not now"):
        predictor.predict_songs([SONG])
