"""An exported model behind KServe's server (V1 protocol), which has another JSON library."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from songpop_tf.serving.backend import Backend
from songpop_tf.serving.predictor import Predictor
from songpop_tf.serving.song import Song

STARTED_AFTER = 300.0
"""Seconds; TensorFlow and the model take most of them."""


@pytest.fixture(scope="module")
def url(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("kserve", reason="pip install kserve")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    log = tmp_path_factory.mktemp("kserve") / "log"
    command = [sys.executable, "-m", "tests.kserve_server", str(exported), str(port)]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)
    url = f"http://127.0.0.1:{port}/v1/models/songpop"
    try:
        wait_for(url, server, log)
        yield url
    finally:
        server.kill()
        server.wait()


def wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + STARTED_AFTER
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            if requests.get(url, timeout=5).json().get("ready"):
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise AssertionError(log.read_text())


def post(url: str, body: Any) -> Any:
    answer = requests.post(f"{url}:predict", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_rows_and_columns_are_answered(url: str, exported_backend: Backend, sample: Path) -> None:
    png = next(sample.rglob("*.png"))
    encoded = {"b64": base64.b64encode(png.read_bytes()).decode()}
    fields = {"artist": "Queen", "title": "Innuendo", "year": 1991}
    songs = [Song(**fields), Song(**fields, spectrogram=png), Song(spectrogram=png)]
    expected = Predictor(exported_backend).predict_songs(songs)
    rows = [
        {**fields, "spectrogram_png": ""},
        {**fields, "spectrogram_png": encoded},
        {"artist": "", "title": "", "year": 0, "spectrogram_png": encoded},
        {**fields, "spectrogram_png": {"b64": base64.b64encode(b"no image").decode()}},
    ]
    predictions = post(url, {"instances": rows})["predictions"]
    names = ("popularity", "popularity_low", "popularity_high")
    for prediction, numbers in zip(predictions, [*expected, expected[0]], strict=True):
        assert [prediction[name] for name in names] == pytest.approx(list(numbers), abs=1e-2)
    # An unusable image costs no other song its answer, and is no NaN (which would become null).
    assert [prediction["usable"] for prediction in predictions] == [True, True, True, False]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    outputs = post(url, {"inputs": columns})["outputs"]
    assert outputs == {name: [row[name] for row in predictions] for name in outputs}
