"""An exported model as a backend."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import InputError
from songpop_tf.serving.loading import open_predictor
from songpop_tf.serving.pretrained import pretrained_model
from songpop_tf.serving.schema import GRAPH_FILE, SIGNATURES_FILE


def remove_tensor_names(version: Path) -> None:
    """Make ``signatures.json`` as old exports have it."""
    path = version / SIGNATURES_FILE
    path.write_text(path.read_text().replace('"tensor"', '"other"'))


def remove_usable(version: Path) -> None:
    """Make ``signatures.json`` as exports without the output ``usable`` have it."""
    path = version / SIGNATURES_FILE
    path.write_text(path.read_text().replace('"usable"', '"other"'))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda version: (version / SIGNATURES_FILE).unlink(), "expected a model of `songpop-tf"),
        (lambda version: (version / GRAPH_FILE).write_bytes(b"nothing"), "expected a SavedModel"),
        (remove_tensor_names, "run `songpop-tf export` again"),
        (remove_usable, "expected the key 'usable', received none: an export of an older version"),
    ],
    ids=["no signatures", "damaged graph", "no tensor names", "no usable"],
)
def test_damaged_version_is_reported(
    exported: Path, tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    version = tmp_path / "1"
    shutil.copytree(exported, version)
    damage(version)
    with pytest.raises(InputError, match=problem):
        open_predictor(tmp_path)


def test_another_model_at_the_same_path_has_another_identity(tmp_path: Path) -> None:
    model = pretrained_model()
    shutil.copytree(model, tmp_path / "model")
    assert open_predictor(tmp_path / "model").identity == open_predictor(model).identity
    with (tmp_path / "model" / "1" / GRAPH_FILE).open("ab") as graph:
        graph.write(b"\xa0\x06\x01")  # a field that TensorFlow does not know
    assert open_predictor(tmp_path / "model").identity != open_predictor(model).identity
