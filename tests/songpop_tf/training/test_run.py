"""The run folder: its data, its configuration, its format."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.prepared_data import PreparedData
from songpop_tf.config import RunConfig
from songpop_tf.training.configurations import CONFIGURATIONS, Configuration
from songpop_tf.training.run import RUN_FORMAT, Run
from tests.conftest import TINY


def test_run_accepts_only_its_own_data_and_configuration(
    run: Run, data: PreparedData, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="expected a run with this configuration"):
        Run.start(run.directory, data, RunConfig(seed=99))
    changed = {**data.manifest, "fingerprints": {"songs.csv": "other"}}
    with pytest.raises(InputError, match="received another preparation"):
        run.check_data(PreparedData(data.directory, changed))
    with pytest.raises(InputError, match="received a folder without config.toml"):
        Run.open(tmp_path)
    with pytest.raises(InputError, match="expected a training run, received a missing folder"):
        Run.open(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="expected a training run, received a file"):
        Run.open(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="received one with other files"):
        Run.start(tmp_path, data, TINY)


def test_run_of_another_format_is_refused_in_one_line(data: PreparedData, tmp_path: Path) -> None:
    Run.start(tmp_path / "run", data, TINY)
    path = tmp_path / "run" / "data.json"
    stored = json.loads(path.read_text())
    assert stored.pop("format") == RUN_FORMAT
    path.write_text(json.dumps(stored))  # as version 0.1.0 wrote it
    (tmp_path / "run" / "config.toml").write_text("[hiding]\nnames = 0.9\n")
    message = (
        f"expected a run of format {RUN_FORMAT}, received format 1 of another songpop_tf version"
    )
    with pytest.raises(InputError, match=message) as opened:
        Run.open(tmp_path / "run")
    assert "\n" not in str(opened.value)
    with pytest.raises(InputError, match=message):
        Run.start(tmp_path / "run", data, TINY)


def test_best_configuration_of_a_branch_is_the_pretrained_one(run: Run, tmp_path: Path) -> None:
    assert {name: str(one) for name, one in run.best_by_branch().items()} == {
        "text": "text",
        "cnn": "cnn",
        "combined": "combined",
    }
    partial = Run(Path(shutil.copytree(run.directory, tmp_path / "run")))
    partial.history_path(Configuration("cnn", pretrained=True)).unlink()
    assert str(partial.best_by_branch()["cnn"]) == "cnn_naive"
    assert len(partial.finished()) == len(CONFIGURATIONS) - 1


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"PK"])
def test_damaged_model_is_named(tmp_path: Path, content: bytes) -> None:
    configuration = Configuration("text", pretrained=False)
    path = Run(tmp_path).model_path(configuration)
    with pytest.raises(InputError, match=r"text_naive\.keras: .* received a missing file"):
        Run(tmp_path).load_model(configuration)
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"text_naive\.keras: expected a model"):
        Run(tmp_path).load_model(configuration)


@pytest.mark.parametrize("content", ["", "{}", "[", '{"groups": {}}'])
def test_damaged_intervals_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "intervals").mkdir()
    (tmp_path / "intervals" / "cnn.json").write_text(content)
    with pytest.raises(InputError, match=r"cnn\.json: expected"):
        Run(tmp_path).load_intervals(Configuration("cnn", pretrained=True))
