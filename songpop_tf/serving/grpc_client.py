"""Client of TensorFlow Serving's gRPC API; needs the extra ``serving``.

Transient failures are retried, see `songpop_tf.serving.retry`; invalid requests are not.
"""

from typing import Any
from urllib.parse import urlsplit

from pipelines.errors import InputError

try:
    import grpc
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )
except ModuleNotFoundError as error:
    raise InputError(
        f"grpc:// needs the package {error.name}: pip install 'songpop-tf[serving]'"
    ) from None

import tensorflow as tf
from google.protobuf.message import DecodeError

from songpop_tf.serving.backend import Inputs, RejectedBatchError, Rows
from songpop_tf.serving.retry import RESPONSE_TIMEOUT, UnavailableError, retry_unavailable
from songpop_tf.serving.schema import output_names
from songpop_tf.serving.server_responses import branches_from_signatures, rows_from_columns

DEFAULT_MODEL = "songpop"
"""The model of a URL without one."""

_SIGNATURE_DEF = "signature_def"
_CHANNEL_OPTIONS = [
    # Retried here instead: gRPC itself retries small requests only.
    ("grpc.enable_retries", 0),
    # Not gRPC's 4 MB: a batch of spectrograms has up to 16 MB, and a server's answer may be as long
    # as it is. What a server accepts is its own setting.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]
_TOO_LARGE = "larger than max"
"""In the details of RESOURCE_EXHAUSTED, if a message is the cause: sending it again is useless."""
_UNAVAILABLE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


class GrpcBackend:
    """A model on a gRPC server as a `songpop_tf.serving.backend.Backend`.

    Args:
        url: ``grpc://HOST:8500/NAME``; without NAME, the model "songpop".

    Raises:
        InputError: no server responds, or its model was not written by `songpop-tf export`.
    """

    validate_images = True
    year_quantiles = None  # no signature tells them

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._model = parts.path.strip("/") or DEFAULT_MODEL
        self.name = f"grpc://{parts.netloc}/{self._model}"
        channel = grpc.insecure_channel(parts.netloc, _CHANNEL_OPTIONS)
        self._service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.signatures = self._signatures()
        self.branches = branches_from_signatures(self.name, self.signatures)

    def predict_batch(self, signature: str, inputs: Inputs) -> Rows:
        """Call a signature, see `songpop_tf.serving.backend.Backend`."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, column in inputs.items():
            dtype = tf.int64 if isinstance(column[0], int) else tf.string
            request.inputs[name].CopyFrom(tf.make_tensor_proto(column, dtype))
        response = self._call(self._service.Predict, request)
        columns = {name: self._column(response, name) for name in output_names(signature)}
        return rows_from_columns(self.name, signature, columns, len(inputs["year"]))

    def _signatures(self) -> dict[str, list[str]]:
        """The names of the inputs of each signature; also sets the identity."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[_SIGNATURE_DEF])
        request.model_spec.name = self._model
        response = self._call(self._service.GetModelMetadata, request)
        self.identity = f"{self.name} version {response.model_spec.version.value}"
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            unpacked = response.metadata[_SIGNATURE_DEF].Unpack(signatures)
        except DecodeError:
            unpacked = False
        if not unpacked:
            raise InputError(f"{self.name}: expected a model's signatures, received other metadata")
        return {
            name: list(signature.inputs) for name, signature in signatures.signature_def.items()
        }

    def _column(self, response: Any, name: str) -> list[Any] | None:
        if name not in response.outputs:
            return None
        try:
            column: list[Any] = tf.make_ndarray(response.outputs[name]).tolist()
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.name}: expected a tensor as {name}: {error}") from None
        return column

    @retry_unavailable
    def _call(self, method: grpc.UnaryUnaryMultiCallable, request: Any) -> Any:
        try:
            return method(request, timeout=RESPONSE_TIMEOUT)
        except grpc.RpcError as error:
            raise _error_class(error)(
                f"{self.name}: expected status OK, received {error.code().name}: {error.details()}"
            ) from None


def _error_class(error: grpc.RpcError) -> type[InputError]:
    code = error.code()
    if _TOO_LARGE in (error.details() or ""):
        return RejectedBatchError
    if code in _UNAVAILABLE:
        return UnavailableError
    return RejectedBatchError if code == grpc.StatusCode.INVALID_ARGUMENT else InputError
