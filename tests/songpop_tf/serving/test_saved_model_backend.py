"""An exported model as a backend."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.serving.loading import open_predictor
from songpop_tf.serving.schema import GRAPH_FILE, SIGNATURES_FILE


def remove_tensor_names(version: Path) -> None:
    """Make ``signatures.json`` as old exports have it."""
    path = version / SIGNATURES_FILE
    path.write_text(path.read_text().replace('"tensor"', '"other"'))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda version: (version / SIGNATURES_FILE).unlink(), "expected a model of `songpop-tf"),
        (lambda version: (version / GRAPH_FILE).write_bytes(b"nothing"), "expected a SavedModel"),
        (remove_tensor_names, "export the run again"),
    ],
    ids=["no signatures", "damaged graph", "no tensor names"],
)
def test_damaged_version_is_reported(
    exported: Path, tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    version = tmp_path / "1"
    shutil.copytree(exported, version)
    damage(version)
    with pytest.raises(InputError, match=problem):
        open_predictor(tmp_path)
