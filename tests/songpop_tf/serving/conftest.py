"""Servers of the exported model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from songpop_tf.serving import retry
from tests.songpop_tf.serving.fake_server import ServedModel, grpc_server, rest_server


@pytest.fixture(scope="session")
def saved_model(exported: Path) -> tf.Module:
    """The exported model, loaded with TensorFlow's Python API."""
    return tf.saved_model.load(str(exported))


@pytest.fixture(scope="session")
def loaded_model(exported: Path) -> ServedModel:
    return ServedModel(exported)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clients retry almost immediately."""
    monkeypatch.setattr(retry, "MAX_WAIT", 0.01)


@pytest.fixture
def served_model(loaded_model: ServedModel, short_waits: None) -> ServedModel:
    """The exported model on a server, without faults or requests of an earlier test."""
    loaded_model.faults, loaded_model.requests = [], []
    return loaded_model


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
