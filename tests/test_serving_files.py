"""The files under serving/ are what TensorFlow Serving and Docker expect."""

import json
import re
from pathlib import Path

import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.songpop_tf.fake_server import ServedModel

FOLDER = Path(__file__).parents[1] / "serving"
# Fields of the server's BatchingParameters, whose proto is not published as a package; all are of a
# google.protobuf.*Value type, which text format writes as { value: N }.
BATCHING = {
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
}


def test_the_models_config_is_one_of_the_server_s() -> None:
    text = (FOLDER / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("songpop", "/models/songpop")
    assert dict(model.version_labels) == {"stable": 1}


def test_the_batching_parameters_are_numbers_in_their_fields() -> None:
    lines = (FOLDER / "batching_parameters.txt").read_text().splitlines()
    fields = [line for line in lines if not line.startswith("#")]
    names = {re.fullmatch(r"(\w+) \{ value: \d+ \}", line)[1] for line in fields}
    assert names == BATCHING


def test_compose_mounts_what_is_there_and_names_what_it_mounts() -> None:
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["songpop"]
    inside = {}
    for volume in service["volumes"]:
        source, target, _ = volume.split(":")
        inside[target] = FOLDER / source
    assert inside.pop("/models/songpop").parent.resolve() == FOLDER.parent / "saved_models"
    assert all(path.is_file() for path in inside.values())
    options = dict(option.removeprefix("--").split("=") for option in service["command"])
    assert options["model_config_file"] in inside


def test_the_readme_s_request_is_answered(exported: Path) -> None:
    for readme in (FOLDER / "README.md", exported / "README.md"):
        body = json.loads(re.search(r"curl -d '(\{.*\})'", readme.read_text())[1])
        inputs = {name: tf.constant(column) for name, column in body["inputs"].items()}
        inputs["year"] = tf.cast(inputs["year"], tf.int64)
        answer = ServedModel(exported).predict(body["signature_name"], inputs)
        assert 0 <= float(answer["popularity"][0]) <= 100


def test_warm_up_requests_are_answered(exported: Path) -> None:
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    assert path.stat().st_size < 20_000
    model = ServedModel(exported)
    asked = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(one)) for name, one in request.inputs.items()}
        answer = model.predict(request.model_spec.signature_name, inputs)
        assert answer["popularity"].numpy() == pytest.approx(50, abs=50)
        asked.append(request.model_spec.signature_name)
    assert sorted(asked) == ["metadata_only", "serving_default"]
