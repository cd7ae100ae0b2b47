"""The files under serving/ have the formats of TensorFlow Serving and Docker."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from google.protobuf import text_format
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from tensorflow_serving.config import model_server_config_pb2

from songpop_tf import __version__
from tests.songpop_tf.serving.fake_server import ServedModel, rest_server
from tests.test_packaging import FILES, SOURCES

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
def served_url(served_model: ServedModel) -> Iterator[str]:
    with rest_server(served_model) as url:
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


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / "openapi.yaml").read_text())
    return document


def errors(openapi: dict[str, Any], schema: str, content: Any) -> list[str]:
    """What a schema of the API finds wrong with a request or an answer."""
    validator = Draft202012Validator({**openapi, "$ref": f"#/components/schemas/{schema}"})
    return [error.message for error in validator.iter_errors(content)]


def test_openapi_document_is_valid(openapi: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(openapi).validate()
    assert openapi["info"]["version"] == __version__


def test_requests_and_answers_are_as_in_the_openapi_document(
    openapi: dict[str, Any], served_url: str, sample: Path
) -> None:
    png = base64.b64encode(next(sample.rglob("*.png")).read_bytes()).decode()
    song = {"artist": "Queen", "title": "", "year": 1977}
    columns = {name: [value] for name, value in song.items()}
    requests_by_form = [
        {"inputs": {**columns, "spectrogram_png": [{"b64": png}]}},
        {"instances": [{**song, "spectrogram_png": {"b64": png}}]},
        {"instances": [{**song, "spectrogram_png": ""}]},
        {"signature_name": "metadata_only", "inputs": columns},
        {"signature_name": "metadata_only", "instances": [song, song]},
        {"signature_name": "audio", "inputs": {**columns, "audio": [[0.0] * 9], "samples": [0]}},
    ]
    for body in requests_by_form:
        assert not errors(openapi, "Request", body)
        answer = requests.post(f"{served_url}:predict", json=body, timeout=60).json()
        assert not errors(openapi, "Answer", answer), answer
    wrong = {"signature_name": "metadata_only", "inputs": {"artist": ["Queen"]}}
    assert errors(openapi, "Request", wrong)
    answer = requests.post(f"{served_url}:regress", json=song, timeout=60)
    assert answer.status_code == 404
    assert not errors(openapi, "Error", answer.json())


def test_openapi_names_the_signatures_and_tensors_of_an_export(
    openapi: dict[str, Any], exported: Path
) -> None:
    signatures = json.loads((exported / "signatures.json").read_text())["signatures"]
    schemas = openapi["components"]["schemas"]
    # The others are for `songpop-tf explain`.
    served = set(signatures) - {"occlusion", "history"}
    assert set(schemas["SignatureName"]["enum"]) == served
    inputs = {name for signature in served for name in signatures[signature]["inputs"]}
    outputs = {name for signature in served for name in signatures[signature]["outputs"]}
    assert set(schemas["Song"]["properties"]) == inputs
    assert set(schemas["Inputs"]["properties"]) == inputs
    assert set(schemas["Prediction"]["properties"]) == outputs
    assert set(schemas["Outputs"]["properties"]) == outputs


def test_image_of_the_tool_copies_every_package_and_runs_as_a_user() -> None:
    lines = (FOLDER.parent / "Dockerfile").read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied == {*SOURCES, *FILES}
    assert all((FOLDER.parent / name).exists() for name in copied)
    user = lines.index("USER songpop")
    assert not [line for line in lines[user:] if line.startswith("RUN")]
    assert 'ENTRYPOINT ["songpop-tf"]' in lines[user:]
