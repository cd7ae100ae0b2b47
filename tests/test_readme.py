"""What README shows works as it stands there."""

import re
import tomllib
from pathlib import Path

import pytest

from pipelines.prepared import PreparedData
from songpop_tf.config import config_from_dict

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_settings_shown_are_settings() -> None:
    (shown,) = blocks("toml")
    assert config_from_dict(tomllib.loads(shown)).seed == 1


def test_the_fit_script_trains(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = blocks("python")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "data").symlink_to(data.directory)
    monkeypatch.chdir(tmp_path)
    variables: dict[str, object] = {}
    exec(compile(script, "README.md", "exec"), variables)
    assert len(variables["model"].history.history["val_loss"]) == 3
    assert list((tmp_path / "logs").rglob("events.*")), "TensorBoard has something to show"


def test_pictures_and_links_are_there() -> None:
    root = Path(__file__).parents[1]
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    for target in targets:
        assert (root / target).exists(), target
