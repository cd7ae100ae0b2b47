"""The files under serving/ have the formats of TensorFlow Serving and Docker."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.songpop_tf.serving.fake_server import ServedModel, rest_server

FOLDER = Path(__file__).parents[1] / "serving"
# Fields of the server's BatchingParameters, whose proto is not published as a package. All have a
# google.protobuf.*Value type, in text format { value: N }.
BATCHING_FIELDS = {
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
}


@pytest.fixture
def served_url(exported: Path) -> Iterator[str]:
    with rest_server(ServedModel(exported)) as url:
        yield url


def test_models_config_parses_as_server_config() -> None:
    text = (FOLDER / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("songpop", "/models/songpop")
    assert dict(model.version_labels) == {"stable": 1}


def test_batching_parameters_are_numbers_in_known_fields() -> None:
    lines = (FOLDER / "batching_parameters.txt").read_text().splitlines()
    fields = [line for line in lines if not line.startswith("#")]
    names = {re.fullmatch(r"(\w+) \{ value: \d+ \}", line)[1] for line in fields}
    assert names == BATCHING_FIELDS


def test_compose_mounts_existing_files() -> None:
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["songpop"]
    mounts = {}
    for volume in service["volumes"]:
        source, target, _ = volume.split(":")
        mounts[target] = FOLDER / source
    assert mounts.pop("/models/songpop").parent.resolve() == FOLDER.parent / "saved_models"
    assert all(path.is_file() for path in mounts.values())
    options = dict(option.removeprefix("--").split("=") for option in service["command"])
    assert options["model_config_file"] in mounts


def test_requests_in_both_readmes_succeed(served_url: str, exported: Path) -> None:
    bodies = [
        body
        for readme in (FOLDER / "README.md", exported / "README.md")
        for body in re.findall(r"curl -d '(\{.*\})'", readme.read_text())
    ]
    assert {key for body in bodies for key in json.loads(body)} == {
        "signature_name",
        "inputs",
        "instances",
    }
    for body in bodies:
        answer = requests.post(f"{served_url}:predict", data=body, timeout=60).json()
        rows = answer.get("predictions") or [
            {name: column[0] for name, column in answer["outputs"].items()}
        ]
        assert 0 <= rows[0]["popularity"] <= 100
        assert rows[0]["usable"]
