"""The command ``download``."""

from pathlib import Path

import kagglehub
import pytest
import requests

from tests.songpop_tf.cli.runner import error_line, invoke


def test_network_failure_explains_the_manual_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> str:
        raise requests.ConnectionError("Failed to resolve host")

    monkeypatch.setattr(kagglehub, "dataset_download", no_network)
    error = error_line(invoke("download", "--out", tmp_path))
    assert "Failed to resolve host" in error
    assert "by hand" in error
    assert str(tmp_path) in error


def test_partial_download_must_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_empty(*_: object, **__: object) -> str:
        raise FileExistsError("Set force_download=True")

    monkeypatch.setattr(kagglehub, "dataset_download", not_empty)
    error = error_line(invoke("download", "--out", tmp_path))
    assert f"{tmp_path / 'spectrograms'}: expected an empty folder" in error
    assert "else remove them" in error
