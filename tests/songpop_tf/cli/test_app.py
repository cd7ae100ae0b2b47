"""The command ``app``; the page itself is tested in ``tests/songpop_tf/app``."""

import sys
from pathlib import Path

import pytest

from tests.songpop_tf.cli.runner import error_line, invoke


def test_without_the_extra_it_names_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package's attribute of this name is the whole command line, not the module.
    module = sys.modules["songpop_tf.cli.app"]
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    line = error_line(invoke("app", "--url", "http://127.0.0.1:1/v1/models/x"))
    assert "songpop-tf app needs starlette, uvicorn, markdown_it" in line
    assert line.endswith("pip install 'songpop-tf[app]'")


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    assert invoke("app", "--model", tmp_path, "--url", "http://x/v1/models/y").exit_code == 2
    assert invoke("app", "--port", "70000").exit_code == 2
