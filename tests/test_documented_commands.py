"""The commands that README and documentation show."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import soundfile
import typer

from songpop_tf.cli import app
from songpop_tf.training.run import Run
from tests.songpop_tf.cli.runner import invoke
from tests.songpop_tf.serving.fake_server import ServedModel, rest_server
from tests.test_docs import PAGES, ROOT, code_blocks

URL = "http://localhost:8501/v1/models/songpop"

OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for name, command in typer.main.get_group(app).commands.items()
}
"""Of each command."""


def shell_lines(page: str) -> list[list[str]]:
    """The words of each command in the shell blocks of a page."""
    blocks = [*code_blocks(page, "sh"), *code_blocks(page, "bash")]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def documented(*names: str) -> list[list[str]]:
    """The words after `songpop-tf` of each command of these names, of all pages."""
    commands = {}
    for page in PAGES:
        for words in shell_lines(str(page.relative_to(ROOT))):
            if "songpop-tf" in words and words[:2] != ["docker", "build"]:
                arguments = words[words.index("songpop-tf") + 1 :]
                if not names or arguments[0] in names:
                    commands[shlex.join(arguments)] = arguments
    return list(commands.values())


@pytest.mark.parametrize("arguments", documented(), ids=shlex.join)
def test_options_exist(arguments: list[str]) -> None:
    assert {word for word in arguments if word.startswith("--")} <= OPTIONS[arguments[0]]


def test_pages_name_no_option_that_does_not_exist() -> None:
    """In running text, such as `train --wandb`."""
    for page in PAGES:
        for code in re.findall(r"`([^`\n]+)`", page.read_text()):
            command, *words = code.removeprefix("songpop-tf ").split(" ")
            if command in OPTIONS:
                unknown = {word.partition("=")[0] for word in words if word.startswith("--")}
                assert unknown <= OPTIONS[command], f"{page.name}: {code}"


@pytest.fixture
def user_folder(
    run: Run, exported: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The files that the pages take for granted, in the working directory."""
    (tmp_path / "demo").mkdir()
    for name in ("run", "demo/run"):
        (tmp_path / name).symlink_to(run.directory)
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "saved_models" / "songpop").symlink_to(exported.parent)
    shutil.copyfile(next(sample.rglob("*.png")), tmp_path / "dreams.png")
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * 22_050)
    soundfile.write(tmp_path / "dreams.mp3", noise, 22_050)
    (tmp_path / "songs.csv").write_text("artist,title,year\nQueen,Innuendo,1991\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        arguments
        for arguments in documented("predict", "explain")
        if {"--model", "--url"} & {*arguments}  # others take the bundled model, see test_predict.py
    ],
    ids=shlex.join,
)
def test_predictions_and_explanations_run(
    arguments: list[str], user_folder: Path, served_model: ServedModel
) -> None:
    with rest_server(served_model) as url:
        result = invoke(*(url if word == URL else word for word in arguments))
    assert result.exit_code == 0, result.output
    if "--out" in arguments:
        assert (user_folder / arguments[arguments.index("--out") + 1]).stat().st_size


def test_requests_with_curl_are_answered(served_model: ServedModel) -> None:
    lines = [words for words in shell_lines("docs/serving.md") if words[:1] == ["curl"]]
    assert lines
    for _, option, body, address in lines:
        assert (option, address) == ("-d", f"{URL}:predict")
        with rest_server(served_model) as url:
            answer: Any = requests.post(f"{url}:predict", data=body, timeout=60).json()
        assert "error" not in answer, json.loads(body)
