"""README and documentation: the code they show works, and their links lead somewhere."""

import json
import re
import tomllib
from pathlib import Path

import pytest

import songpop_tf
from pipelines.prepared_data import PreparedData
from songpop_tf.config import config_from_dict
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
PAGES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "serving" / "README.md"]
MAX_README_BYTES = 6 * 1024


def code_blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page, without what is indented around them."""
    text = (ROOT / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run_in_demo_folder(
    blocks: list[str], data: PreparedData, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    """Run code blocks one after the other where ``demo/data`` holds prepared data."""
    (folder / "demo").mkdir()
    (folder / "demo" / "data").symlink_to(data.directory)
    monkeypatch.chdir(folder)
    variables: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "documentation", "exec"), variables)
    return variables


def completed_epochs(variables: dict[str, object]) -> int:
    return variables["checkpoint"].completed_epochs  # type: ignore[attr-defined,no-any-return]


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MAX_README_BYTES


def test_settings_in_training_page_are_valid() -> None:
    (settings,) = code_blocks("docs/training.md", "toml")
    assert config_from_dict(tomllib.loads(settings)).seed == 1


def test_readme_script_trains(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = run_in_demo_folder(code_blocks("README.md", "python"), data, tmp_path, monkeypatch)
    assert variables["model"].history.history["loss"]  # type: ignore[attr-defined]


def test_scripts_in_api_page_run(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = ["from tests.conftest import TINY"]
    for block in code_blocks("docs/api/songpop_tf.md", "python"):
        quick = block.replace("songpop_tf.RunConfig(seed=1)", "TINY").replace("cv=3", "cv=2")
        blocks.append(quick.replace("SongPopularityRegressor()", "SongPopularityRegressor(TINY)"))
    variables = run_in_demo_folder(blocks, data, tmp_path, monkeypatch)
    run, models = variables["run"], {"text_naive"}
    assert {str(one) for one in run.finished()} == models  # type: ignore[attr-defined]
    assert list((tmp_path / "run" / "tensorboard").rglob("events.*"))
    assert (tmp_path / "run" / "report.md").is_file()
    assert set(json.loads((tmp_path / "run" / "evaluation.json").read_text())["models"]) == models
    assert 0 <= songpop_tf.load("run").predict(artist="A", year=1999).popularity <= 100
    assert variables["model"].get_params()["config"] == TINY  # type: ignore[attr-defined]


def test_fit_scripts_in_training_page_train_and_resume(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first, resumable = code_blocks("docs/training.md", "python")
    interrupted = resumable.replace("epochs=5 if", "epochs=2 if")
    assert interrupted != resumable
    variables = run_in_demo_folder([first, interrupted], data, tmp_path, monkeypatch)
    assert list((tmp_path / "logs").rglob("events.*")), "TensorBoard has logs to show"
    assert completed_epochs(variables) == 2
    exec(compile(resumable, "documentation", "exec"), variables)
    epochs = completed_epochs(variables)
    assert 3 <= epochs <= 5, "it resumes after the second epoch"
    assert len(variables["model"].history.epoch) == epochs - 2  # type: ignore[attr-defined]
    exec(compile(resumable, "documentation", "exec"), variables)
    assert completed_epochs(variables) == epochs, "a finished training does not grow"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
