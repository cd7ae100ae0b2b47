"""Client of TensorFlow Serving's REST API.

Transient failures are retried, see `songpop_tf.serving.retry`; invalid requests are not.
"""

import base64
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from pipelines.errors import InputError
from songpop_tf.serving.backend import Inputs, RejectedBatchError, Rows
from songpop_tf.serving.retry import (
    CONNECT_TIMEOUT,
    RESPONSE_TIMEOUT,
    UnavailableError,
    retry_unavailable,
)
from songpop_tf.serving.server_responses import (
    branches_from_signatures,
    rows_from_columns,
    shorten,
)

_UNAVAILABLE = (429, 502, 503, 504)
"""Status codes of a server that is busy, starting, or behind a proxy that cannot reach it."""
_REJECTED = (400, 413)
"""Status codes for a batch that the server cannot process."""
_TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class RestBackend:
    """A model on a REST server as a `songpop_tf.serving.backend.Backend`.

    Args:
        url: ``http://HOST:8501/v1/models/NAME`` (also ``https``, ``.../versions/N`` or
            ``.../labels/LABEL``).

    Raises:
        InputError: no server responds, or its model was not written by `songpop-tf export`.
    """

    validate_images = True
    year_quantiles = None  # no signature tells them

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        self._session = requests.Session()
        self.signatures = self._signatures()
        self.branches = branches_from_signatures(self.name, self.signatures)

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        """Call a signature, see `songpop_tf.serving.backend.Backend`."""
        columns = {name: [_to_json(value) for value in column] for name, column in inputs.items()}
        body = {"signature_name": signature, "inputs": columns}
        content = self._request("POST", ":predict", body)
        outputs = content.get("outputs") if isinstance(content, dict) else None
        received = outputs if isinstance(outputs, dict) else {}
        return rows_from_columns(self.name, signature, received, len(inputs["year"]))

    def _signatures(self) -> dict[str, list[str]]:
        """The names of the inputs of each signature; also sets the identity."""
        content = self._request("GET", "/metadata")
        try:
            self.identity = f"{self.name} version {content['model_spec']['version']}"
            signatures = content["metadata"]["signature_def"]["signature_def"]
            return {
                name: list(signature["inputs"])
                for name, signature in signatures.items()
                if "inputs" in signature
            }
        except (KeyError, TypeError, AttributeError):
            received = shorten(str(content))
            raise InputError(
                f"{self.name}: expected a model's version and signatures, received {received}"
            ) from None

    @retry_unavailable
    def _request(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self._session.request(
                method, self.name + path, json=body, timeout=(CONNECT_TIMEOUT, RESPONSE_TIMEOUT)
            )
        except (requests.RequestException, HTTPError) as error:
            error_class = UnavailableError if isinstance(error, _TRANSIENT) else InputError
            raise error_class(
                f"{self.name}: expected a response, received none: {_cause(error)}"
            ) from None
        if not response.ok:
            raise _error_class(response)(
                f"{self.name}: expected status 200, received {response.status_code}: "
                f"{_error_message(response)}"
            )
        try:
            return response.json()
        except ValueError:
            raise InputError(
                f"{self.name}: expected JSON, received {shorten(response.text)!r}"
            ) from None


def _error_class(response: requests.Response) -> type[InputError]:
    if response.status_code in _UNAVAILABLE:
        return UnavailableError
    return RejectedBatchError if response.status_code in _REJECTED else InputError


def _error_message(response: requests.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        content = None
    error = content.get("error") if isinstance(content, dict) else None
    return shorten(error if isinstance(error, str) else response.text) or response.reason


def _cause(error: Exception) -> str:
    """The innermost reason: the outer ones repeat the URL and Python's class names."""
    reason: Any = error.args[0] if error.args else error
    while (inner := getattr(reason, "reason", None)) is not None:
        reason = inner
    return shorten(str(reason))


def _to_json(value: Any) -> Any:
    """Encode bytes as the REST API expects them."""
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
