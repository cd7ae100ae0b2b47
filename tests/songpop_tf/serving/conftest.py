"""Servers of the exported model."""

from collections.abc import Iterator

import pytest
import tensorflow as tf

from songpop_tf.serving import retry
from tests.songpop_tf.serving.fake_server import ServedModel, grpc_server, rest_server


@pytest.fixture(scope="session")
def saved_model(loaded_model: ServedModel) -> tf.Module:
    """The exported model, loaded with TensorFlow's Python API."""
    return loaded_model.module


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clients retry almost immediately."""
    monkeypatch.setattr(retry, "MAX_WAIT", 0.01)


@pytest.fixture
def served_model(served_model: ServedModel, short_waits: None) -> ServedModel:
    """Its clients do not wait."""
    return served_model


@pytest.fixture(params=[rest_server, grpc_server], ids=["REST", "gRPC"])
def url(request: pytest.FixtureRequest, served_model: ServedModel) -> Iterator[str]:
    with request.param(served_model) as url:
        yield url


@pytest.fixture
def rest_url(served_model: ServedModel) -> Iterator[str]:
    with rest_server(served_model) as url:
        yield url


@pytest.fixture
def grpc_url(served_model: ServedModel) -> Iterator[str]:
    with grpc_server(served_model) as url:
        yield url
