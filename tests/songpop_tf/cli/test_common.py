"""What the commands share."""

import shlex
from pathlib import Path

import pytest

from songpop_tf.cli.common import command_line
from tests.songpop_tf.cli.runner import invoke


@pytest.mark.parametrize("name", ["data", "My Drive", "it's", "$HOME", "a;b", "*", "naïve (1)"])
def test_command_can_be_pasted(name: str) -> None:
    line = command_line("songpop-tf", "train", "--data", Path(name))
    assert shlex.split(line) == ["songpop-tf", "train", "--data", name]


def test_next_command_is_quoted(tmp_path: Path) -> None:
    directory = tmp_path / "My Drive" / "s"
    output = invoke("sample", directory, "--songs", 1, "--seconds", 1).output
    words = shlex.split(output.partition("Next: ")[2])
    assert str(directory / "spectrograms") in words
