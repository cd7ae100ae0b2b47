"""Fixtures of searches that train nothing."""

import pytest

from tests.songpop_tf.tuning.fake_hypermodels import FakeHyperModel, use_fake_hypermodels


@pytest.fixture
def hypermodels(monkeypatch: pytest.MonkeyPatch) -> list[FakeHyperModel]:
    """Let searches use fake hypermodels; returns those that were created."""
    return use_fake_hypermodels(monkeypatch)
