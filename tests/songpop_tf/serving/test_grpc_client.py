"""gRPC client with a server that fails in various ways."""

from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from songpop_tf.serving.loading import connect
from songpop_tf.serving.song import Song
from tests.songpop_tf.serving.fake_server import ServedModel, grpc_server

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


@pytest.fixture
def large_song(tmp_path: Path) -> Song:
    """A song whose spectrogram file has more than 4 MB."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 2**14 + 2**11), dtype="uint8")
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 2**22
    return Song("Queen", "Innuendo", 1991, tmp_path / "large.png")


def test_messages_above_4_mb_are_sent(grpc_url: str, large_song: Song) -> None:
    (prediction,) = connect(grpc_url).predict_songs([large_song])
    assert not isinstance(prediction, InputError), prediction


def test_limit_of_a_server_is_named_and_costs_no_retries(
    served_model: ServedModel, large_song: Song
) -> None:
    with grpc_server(served_model, max_message=2**22) as url:
        predictor = connect(url)
        small, large = predictor.predict_songs([SONG, large_song])
        assert not isinstance(small, InputError)
        assert "RESOURCE_EXHAUSTED" in str(large)
        assert "larger than max" in str(large)
    assert served_model.requests == [1]  # the large one never reached the model
