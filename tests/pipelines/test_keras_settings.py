"""Settings of other projects do not reach Keras."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.keras_settings import apply_keras_settings

SHOW_SETTINGS = """
import songpop_tf.config, keras
print(keras.config.backend(), keras.config.floatx(), keras.config.epsilon())
"""


@pytest.fixture
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras is not imported, and what is set in the test is undone."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))


def imported_keras(**settings: object) -> SimpleNamespace:
    defaults = {
        "backend": "tensorflow",
        "floatx": "float32",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
        "dtype_policy": SimpleNamespace(name="float32"),
        "max_epochs": None,
        "max_steps_per_epoch": None,
    }
    values = {**defaults, **settings}
    functions = {name: lambda value=value: value for name, value in values.items()}
    return SimpleNamespace(config=SimpleNamespace(**functions))


@pytest.mark.usefixtures("no_keras")
def test_environment_variables_of_other_projects_are_removed() -> None:
    os.environ |= {
        "KERAS_BACKEND": "jax",
        "KERAS_FLOATX": "float16",
        "KERAS_MAX_EPOCHS": "1",
        "KERASTUNER_ORACLE_IP": "10.0.0.1",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_ENABLE_AUTO_MIXED_PRECISION": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    apply_keras_settings()
    names = ("KERAS", "TF_ENABLE", "TF_USE")
    left = {name: value for name, value in os.environ.items() if name.startswith(names)}
    assert left.pop("KERAS_HOME")
    assert left == {"KERAS_BACKEND": "tensorflow"}
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("home", ["", "elsewhere"])
def test_keras_json_of_other_projects_is_in_another_folder(tmp_path: Path, home: str) -> None:
    os.environ |= {"HOME": str(tmp_path), "KERAS_HOME": home and str(tmp_path / home)}
    apply_keras_settings()
    own = tmp_path / (home or ".keras") / "songpop_tf"
    assert os.environ["KERAS_HOME"] == str(own)
    apply_keras_settings()  # in a process that this one started
    assert os.environ["KERAS_HOME"] == str(own)


def test_keras_json_is_not_read(tmp_path: Path) -> None:
    settings = {"floatx": "float16", "epsilon": 1e-3, "backend": "torch"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    command = [sys.executable, "-c", SHOW_SETTINGS]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout == "tensorflow float32 1e-07\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("backend", "jax", r"backend\(\): expected tensorflow, received jax"),
        ("floatx", "bfloat16", r"floatx\(\): expected float32, received bfloat16"),
        ("epsilon", 1e-3, r"epsilon\(\): expected 1e-07, received 0.001"),
        ("dtype_policy", SimpleNamespace(name="mixed_float16"), "received mixed_float16"),
        ("max_epochs", 2, r"max_epochs\(\): expected None, received 2"),
    ],
)
def test_error_names_the_setting_of_a_keras_imported_before(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, message: str
) -> None:
    monkeypatch.setitem(sys.modules, "keras", imported_keras(**{name: value}))
    with pytest.raises(ImportError, match=message) as refused:
        apply_keras_settings()
    assert "\n" not in str(refused.value)


def test_keras_imported_before_with_its_defaults_is_accepted() -> None:
    import keras

    assert keras.config.backend() == "tensorflow"
    apply_keras_settings()
