"""The web server without a browser."""

import json
import tempfile
import time
from pathlib import Path

import pytest

from pipelines.errors import InputError

pytest.importorskip("starlette", reason="needs the extra [app]")
pytest.importorskip("httpx", reason="needs the extra [test]")

from starlette.testclient import TestClient

from songpop_tf.app.server import create_app, listen
from songpop_tf.serving.backend import Backend

URL = "http://127.0.0.1:8000"


@pytest.fixture
def client(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Of a server that takes 300 kB, and stores uploads below ``tmp_path``."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return TestClient(create_app(backend, "<h1>Card</h1>", max_bytes=300_000), URL)


def test_page_asks_for_nothing_elsewhere(client: TestClient) -> None:
    for path in ("/", "/app.js", "/app.css", "/page.css", "/icon.svg"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "https://" not in answer.text
        assert answer.text.replace("http://www.w3.org/2000/svg", "").count("http://") == 0
    assert client.get("/model-card").text == "<h1>Card</h1>"


def test_a_song_is_read_and_predicted_and_its_file_deleted(
    client: TestClient, sound: Path, tmp_path: Path
) -> None:
    answer = client.post("/read", params={"name": sound.name}, content=sound.read_bytes())
    assert answer.json()["title"] == "Some Song"
    fields = {"artist": "A", "title": "<b>", "year": "1999"}
    answer = client.post("/predict", params=fields)
    assert answer.status_code == 200
    assert "&lt;b&gt; (1999)" in answer.text
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_is_one_sentence_without_folders(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/read", params={"name": "../x.mp3"}, content=b"no sound")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("x.mp3: expected")
    assert str(tmp_path) not in answer.text
    answer = client.post("/predict", params={"year": "1999"}, content=b"no image")
    assert answer.status_code == 422
    assert str(tmp_path) not in answer.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fields", [{}, {"year": "soon"}, {"year": "3000"}])
def test_unusable_fields_are_one_sentence(client: TestClient, fields: dict[str, str]) -> None:
    answer = client.post("/predict", params=fields)
    assert answer.status_code == 422
    assert "expected" in answer.json()["error"]


def test_large_files_are_refused(client: TestClient, tmp_path: Path) -> None:
    for path in ("/read", "/predict", "/table"):
        answer = client.post(path, content=b"0" * 300_001)
        assert answer.status_code == 413
        assert "at most" in answer.json()["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_predicted_line_by_line(client: TestClient, table: Path, tmp_path: Path) -> None:
    table_bytes = table.read_bytes()
    table.unlink()
    answer = client.post("/table", params={"name": "songs.csv"}, content=table_bytes)
    *progress, result = map(json.loads, answer.text.splitlines())
    assert progress[-1] == {"done": 4, "total": 4}
    assert result["errors"][0].startswith("songs.csv line 5: ")
    answer = client.post("/table", params={"name": "songs.csv"}, content=b"a,b\n1,2\n")
    assert json.loads(answer.text)["error"].startswith("songs.csv: expected the columns")
    assert list(tmp_path.iterdir()) == []


def test_files_are_predicted_one_by_one(client: TestClient, sound: Path, tmp_path: Path) -> None:
    answer = client.post("/file", params={"name": sound.name}, content=sound.read_bytes())
    assert answer.json()["artist"] == "Some Band"
    answer = client.post("/file", params={"name": "../notes.txt"}, content=b"no sound")
    assert answer.json()["error"].startswith("notes.txt: expected")
    assert "<svg" in client.post("/histogram", content=b"[1, 2]").text
    assert client.post("/histogram", content=b"soon").status_code == 422
    assert list(tmp_path.iterdir()) == []


def test_the_first_song_waits_for_the_start(backend: Backend) -> None:
    events = []

    def start() -> None:
        time.sleep(0.3)
        events.append("started")

    with TestClient(create_app(backend, "", on_start=start), URL) as client:
        assert client.get("/").status_code == 200
        client.post("/predict", params={"year": "1999"})
        events.append("predicted")
    assert events == ["started", "predicted"]


def test_other_names_of_the_server_are_refused(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_a_port_in_use_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(InputError, match=rf"127\.0\.0\.1:{port}: expected .*free port"):
            listen("127.0.0.1", port)
