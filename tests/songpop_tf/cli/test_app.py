"""The command ``app``; the page itself is tested in ``tests/songpop_tf/app``."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.songpop_tf.cli.runner import error_line, invoke
from tests.songpop_tf.serving.fake_server import ServedModel, rest_server

ROOT = Path(__file__).parents[3]
FIELDS = {"artist": "A", "title": "B", "year": "1999"}


@contextmanager
def running_app(*options: object) -> Iterator[tuple[str, Iterator[str]]]:
    """The address of the page of another process, and the lines that it prints; ends it."""
    command = [sys.executable, "-m", "songpop_tf", "app", "--port", "0", *map(str, options)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            opened = re.fullmatch(r"open (http://\S+) \(Ctrl\+C stops\)\n", next(process.stdout))
            assert opened is not None
            yield opened[1], process.stdout
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=60)[0]
    assert (process.returncode, rest.splitlines()[-1]) == (0, "stopped")


def test_a_server_predicts_songs_and_tables_of_the_page(
    served_model: ServedModel, tmp_path: Path
) -> None:
    pytest.importorskip("starlette", reason="needs the extra [app]")
    with rest_server(served_model) as url, running_app("--url", url) as (page, _):
        assert served_model.requests == [], "a server warms itself up"
        song = requests.post(f"{page}/predict", params=FIELDS, timeout=60)
        assert "A - B (1999)" in song.text
        assert "What stands behind the number" in song.text
        table = requests.post(f"{page}/table", data=b"artist,title,year\nA,B,1999\n", timeout=60)
        assert '"failed": 0' in table.text
        assert "server does not tell" in requests.get(f"{page}/model-card", timeout=60).text
        served_model.faults = [500]
        failed = requests.post(f"{page}/predict", params=FIELDS, timeout=60)
        assert (failed.status_code, url in failed.json()["error"]) == (422, True)


def test_a_model_is_made_ready_before_the_first_song(exported: Path) -> None:
    pytest.importorskip("starlette", reason="needs the extra [app]")
    with running_app("--model", exported) as (page, lines):
        assert next(lines) == "preparing the model ...\n"
        assert next(lines) == "the model is ready\n"
        assert requests.post(f"{page}/predict", params=FIELDS, timeout=60).status_code == 200


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
