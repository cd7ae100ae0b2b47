"""Ask TensorFlow Serving, over REST or gRPC, the same questions as a model on this machine.

What a server may get over is asked again, see :mod:`songpop_tf.serving.patience`; what is wrong
with a request is not.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from pipelines.errors import InputError
from songpop_tf.serving.names import ANSWERED_BY, METADATA_ONLY, OUTPUTS, WITH_SPECTROGRAM
from songpop_tf.serving.patience import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    UnavailableError,
    patiently,
)
from songpop_tf.serving.predict import Inputs, Predictor, RefusedError

NAME = "songpop"
"""The model that is asked over gRPC where the address names none."""

_FORMS = "http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"
_PASSING = (429, 502, 503, 504)
"""Answers of a server that is busy, starting, or behind one that cannot reach it."""
_ABOUT_THE_SONGS = (400, 413)
_MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)

Rows = list[tuple[float, float, float]]


def connect(url: str) -> Predictor:
    """Open a model on a server.

    Args:
        url: ``http://HOST:8501/v1/models/NAME`` (also ``https``, ``.../versions/N`` or
            ``.../labels/LABEL``), or ``grpc://HOST:8500/NAME`` (NAME is "songpop" if left out).

    Raises:
        InputError: the address has another form, no server answers there, or its model is not
            one of `songpop-tf export`.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"--url: expected {_FORMS}, received {url}: {error}") from None
    if parts.scheme == "grpc" and parts.netloc:
        from songpop_tf.serving.grpc_client import GrpcModel

        grpc_model = GrpcModel(parts.netloc, parts.path.strip("/") or NAME)
        return Predictor(url, _branches(url, grpc_model.signatures()), grpc_model.ask)
    if parts.scheme in ("http", "https") and "/v1/models/" in parts.path:
        model = RestModel(url)
        return Predictor(url, _branches(url, model.signatures()), model.ask)
    raise InputError(f"--url: expected {_FORMS}, received {url}")


def _branches(url: str, signatures: Mapping[str, Sequence[str]]) -> list[str]:
    """What a model can answer for, judging by its signatures' inputs."""
    inputs = signatures.get(WITH_SPECTROGRAM)
    ours = METADATA_ONLY in signatures and {"artist", "title", "year"} <= set(inputs or ())
    if inputs is None or not ours:
        raise InputError(
            f"{url}: expected a model of `songpop-tf export`, found one with the signatures "
            f"{', '.join(signatures) or 'none'}"
        )
    return list(ANSWERED_BY) if "spectrogram_png" in inputs else ["text"]


class RestModel:
    """A model behind TensorFlow Serving's REST interface.

    Args:
        url: of the model.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()

    def signatures(self) -> dict[str, list[str]]:
        """The names of the inputs of each signature."""
        content = self._request("GET", "/metadata")
        try:
            found = content["metadata"]["signature_def"]["signature_def"]
            return {name: list(one["inputs"]) for name, one in found.items() if "inputs" in one}
        except (KeyError, TypeError, AttributeError):
            raise InputError(f"{self._url}: expected a model's signatures in the answer") from None

    def ask(self, signature: str, inputs: Inputs) -> Rows:
        """Put columns to a signature."""
        columns = {name: [_json_value(one) for one in column] for name, column in inputs.items()}
        body = {"signature_name": signature, "inputs": columns}
        content = self._request("POST", ":predict", body)
        outputs = content.get("outputs") if isinstance(content, dict) else None
        columns_of = outputs if isinstance(outputs, dict) else {}
        return rows_of(self._url, [columns_of.get(name) for name in OUTPUTS], len(inputs["year"]))

    @patiently
    def _request(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._session.request(
                method, self._url + path, json=body, timeout=(CONNECT_SECONDS, ANSWER_SECONDS)
            )
        except (requests.RequestException, HTTPError) as error:
            passing = isinstance(error, _MAY_PASS)
            kind = UnavailableError if passing else InputError
            raise kind(f"{self._url}: expected a server to answer: {_cause(error)}") from None
        if not answer.ok:
            raise _kind_of(answer)(
                f"{self._url}: answered {answer.status_code}: {_message(answer)}"
            )
        try:
            return answer.json()
        except ValueError:
            raise InputError(
                f"{self._url}: expected JSON, received {_shortened(answer.text)!r}"
            ) from None


def _kind_of(answer: requests.Response) -> type[InputError]:
    if answer.status_code in _PASSING:
        return UnavailableError
    return RefusedError if answer.status_code in _ABOUT_THE_SONGS else InputError


def rows_of(url: str, columns: Sequence[Sequence[Any] | None], count: int) -> Rows:
    """The rows of an answer's columns.

    Raises:
        InputError: a column is missing, or not of ``count`` numbers.
    """
    for name, column in zip(OUTPUTS, columns, strict=True):
        numbers = isinstance(column, Sequence) and all(
            isinstance(one, int | float) for one in column
        )
        if not numbers or len(column or ()) != count:
            received = _shortened(str(column))
            raise InputError(f"{url}: expected {count} numbers as {name}, received {received}")
    return [
        (float(popularity), float(low), float(high))
        for popularity, low, high in zip(*(column or () for column in columns), strict=True)
    ]


def _json_value(value: Any) -> Any:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _cause(error: Exception) -> str:
    """The innermost reason: what wraps it repeats the address and Python's class names."""
    reason: Any = error.args[0] if error.args else error
    while (inner := getattr(reason, "reason", None)) is not None:
        reason = inner
    return _shortened(str(reason))


def _message(answer: requests.Response) -> str:
    try:
        content = answer.json()
    except ValueError:
        content = None
    error = content.get("error") if isinstance(content, dict) else None
    return _shortened(error if isinstance(error, str) else answer.text) or answer.reason


def _shortened(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
