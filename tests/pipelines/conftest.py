"""Fixtures of the pipelines' tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """The folder of real tables that the environment variable SONGPOP_REAL_DATA names."""
    directory = os.environ.get("SONGPOP_REAL_DATA", "")
    if not directory:
        pytest.skip("SONGPOP_REAL_DATA names no folder")
    return Path(directory)
