"""REST client with a server that fails in various ways."""

import base64
import json
from pathlib import Path

import pytest
import requests

from pipelines.errors import InputError
from songpop_tf.serving import rest_client
from songpop_tf.serving.loading import connect
from songpop_tf.serving.song import Song
from tests.songpop_tf.serving.fake_server import SLOW_SECONDS, ServedModel

SONG = Song("Queen", "Innuendo", 1991)
NUMBERS = '"popularity": [1.0], "popularity_low": [0.0], "popularity_high": [2.0]'


@pytest.mark.parametrize(
    "faults", [[503, 503], ["drop"], ["cut"], [429, "drop", 502], ["slow", "slow"]], ids=str
)
def test_transient_failures_are_retried(
    rest_url: str, served_model: ServedModel, faults: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = connect(rest_url)
    predictor.predict_songs([SONG])  # the first response takes longer
    monkeypatch.setattr(rest_client, "RESPONSE_TIMEOUT", SLOW_SECONDS / 2)
    served_model.faults = list(faults)
    assert not isinstance(predictor.predict_songs([SONG])[0], InputError)
    assert served_model.faults == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (500, "expected status 200, received 500: not now"),
        (404, "expected status 200, received 404: not now"),
        ("<html>busy</html>", "expected JSON, received '<html>busy</html>'"),
        ('{"outputs": {"popularity": [1.0]}}', "expected 1 numbers as popularity_low"),
        ('{"outputs": {"popularity": ["a"]}}', "expected 1 numbers as popularity"),
        ('{"outputs": {"popularity": [1.0, 2.0]}}', "expected 1 numbers as popularity"),
        ('{"outputs": {"popularity": [NaN]}}', "expected 1 numbers as popularity"),
        (f'{{"outputs": {{{NUMBERS}}}}}', "expected 1 values true or false as usable"),
        (f'{{"outputs": {{{NUMBERS}, "usable": [1]}}}}', "received [1]; a model of an older"),
        ("[1, 2]", "expected 1 numbers as popularity"),
    ],
)
def test_permanent_failures_are_raised_immediately(
    rest_url: str, served_model: ServedModel, fault: object, message: str
) -> None:
    predictor = connect(rest_url)
    served_model.faults = [fault]
    with pytest.raises(InputError) as raised:
        predictor.predict_songs([SONG])
    assert message in str(raised.value)


def test_rows_are_answered_as_columns(rest_url: str, sample: Path) -> None:
    png = next((sample / "spectrograms").rglob("*.png")).read_bytes()
    images = [{"b64": base64.b64encode(image).decode()} for image in (png, b"no image", b"")]
    fields = {"artist": ["Queen"] * 3, "title": ["Innuendo"] * 3, "year": [1991] * 3}
    columns: dict[str, list] = {"spectrogram_png": images, **fields}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    by_row = requests.post(f"{rest_url}:predict", json={"instances": rows}, timeout=60)
    by_column = requests.post(f"{rest_url}:predict", json={"inputs": columns}, timeout=60)

    assert "NaN" not in by_row.text + by_column.text
    predictions, outputs = by_row.json()["predictions"], by_column.json()["outputs"]
    assert outputs["usable"] == [True, False, True]
    for name, column in outputs.items():
        assert [row[name] for row in predictions] == column


def test_retries_stop_after_five_attempts(rest_url: str, served_model: ServedModel) -> None:
    predictor = connect(rest_url)
    served_model.faults = [503] * 20
    with pytest.raises(InputError, match="received 503: not now"):
        predictor.predict_songs([SONG])
    assert len(served_model.faults) == 15


def test_slow_response_times_out(
    rest_url: str, served_model: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = connect(rest_url)
    monkeypatch.setattr(rest_client, "RESPONSE_TIMEOUT", 0.1)
    served_model.faults = ["slow"] * 20
    with pytest.raises(InputError, match="expected a response, received none"):
        predictor.predict_songs([SONG])


def test_model_with_other_signatures_is_refused(rest_url: str, served_model: ServedModel) -> None:
    signatures = {"serving_default": {"inputs": {"x": {}}}}
    metadata = {
        "model_spec": {"version": "1"},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }
    served_model.faults = [json.dumps(metadata), 500]
    with pytest.raises(InputError, match="received one with the signatures serving_default"):
        connect(rest_url)
    served_model.faults = ['{"metadata": 1}']
    with pytest.raises(InputError, match="expected a model's version and signatures"):
        connect(rest_url)
    with pytest.raises(InputError, match="received 404"):
        connect(rest_url.replace("songpop", "other"))
