"""The example in the package's README runs as written, and the README stays short."""

import re
from pathlib import Path

import pytest

import keras_tuner_optuna

README = (Path(keras_tuner_optuna.__file__).parent / "README.md").read_text()
MAX_BYTES = 5000


def test_readme_is_short() -> None:
    assert len(README.encode()) < MAX_BYTES


def test_every_public_name_is_described() -> None:
    public = set(keras_tuner_optuna.__all__) - {"INTERMEDIATE"}
    assert {name for name in public if name not in README} == set()


# Keras Tuner loads the best model's weights before its optimizer is built.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_example_runs_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 16
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        variables: dict[str, object] = {}
        exec(compile(example, "README.md", "exec"), variables)
        assert len(variables["oracle"].trials) == 3
        assert set(variables["oracle"].study.best_params) == {"units", "learning_rate"}
