"""The package stands alone: it imports nothing of this repository and builds its own wheel."""

import email
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import setuptools

PACKAGE = Path(importlib.util.find_spec("keras_tuner_optuna").origin).parent
IMPORT = """
import sys
import keras_tuner_optuna
top_level = {name.partition(".")[0] for name in sys.modules}
assert not top_level & {"pipelines", "songpop_tf", "saved_models"}
print(keras_tuner_optuna.__file__)
"""


def import_package(path: Path, cwd: Path) -> Path:
    """Import the package in a new process with `path` on `sys.path`; returns its file."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={**os.environ, "PYTHONPATH": str(path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.split()[-1])


def test_import_needs_no_other_package_of_this_repository(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "copy" / "keras_tuner_optuna")
    imported = import_package(tmp_path / "copy", cwd=tmp_path)
    assert imported == tmp_path / "copy" / "keras_tuner_optuna" / "__init__.py"


@pytest.mark.skipif(
    int(setuptools.__version__.split(".")[0]) < 77,
    reason="pyproject.toml requires setuptools>=77 and the build is not isolated",
)
def test_wheel_has_only_this_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    command = ["wheel", str(source), "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", *command], check=True, capture_output=True, cwd=tmp_path
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "keras_tuner_optuna-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = email.message_from_bytes(
            archive.read("keras_tuner_optuna-0.1.0.dist-info/METADATA")
        )
    modules = {f"keras_tuner_optuna/{path.name}" for path in PACKAGE.glob("*.py")}
    installed = {name for name in names if ".dist-info/" not in name}
    assert installed == modules | {"keras_tuner_optuna/py.typed"}
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Requires-Dist")) == {"keras-tuner>=1.4.8", "optuna>=5"}
    assert import_package(wheel, cwd=tmp_path) == wheel / "keras_tuner_optuna" / "__init__.py"
