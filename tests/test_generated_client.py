"""A client that a generator makes from serving/openapi.yaml."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.songpop_tf.serving.fake_server import ServedModel, rest_server

OPENAPI = Path(__file__).parents[1] / "serving" / "openapi.yaml"
SONG = {"artist": "Queen", "title": "", "year": 1977}


@pytest.fixture(scope="module")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of the generated package."""
    pytest.importorskip("openapi_python_client", reason="pip install openapi-python-client")
    folder, name = tmp_path_factory.mktemp("clients"), "songpop_generated_client"
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--path", str(OPENAPI), "--output-path", str(folder / name), "--meta", "none"),
        ],
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(folder))
    return name


def test_generated_client_gets_answers(client_package: str, served_model: ServedModel) -> None:
    def generated(module: str) -> Any:
        return importlib.import_module(f"{client_package}.{module}")

    models, predict = generated("models"), generated("api.default.predict")
    columns = models.Columns.from_dict(
        {
            "signature_name": "metadata_only",
            "inputs": {name: [value] for name, value in SONG.items()},
        }
    )
    rows = models.Rows.from_dict({"instances": [{**SONG, "spectrogram_png": ""}] * 2})
    with rest_server(served_model) as url:
        base = url.removesuffix("/v1/models/songpop")
        with generated("client").Client(base, timeout=60.0) as client:
            outputs = predict.sync(client=client, body=columns).outputs
            predictions = predict.sync(client=client, body=rows).predictions
    assert outputs.usable == [True]
    assert len(predictions) == 2
    for prediction in predictions:
        assert prediction.usable
        assert prediction.popularity == pytest.approx(outputs.popularity[0], abs=1e-3)
        low, high = prediction.popularity_low, prediction.popularity_high
        assert 0 <= low <= prediction.popularity <= high <= 100
