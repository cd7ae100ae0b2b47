"""TensorFlow Serving's gRPC interface; needs the extra ``serving``."""

from typing import Any

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

from songpop_tf.serving.client import Rows, rows_of
from songpop_tf.serving.names import OUTPUTS
from songpop_tf.serving.patience import ANSWER_SECONDS, UnavailableError, patiently
from songpop_tf.serving.predict import Inputs, RefusedError

_SIGNATURES = "signature_def"
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


class GrpcModel:
    """A model behind TensorFlow Serving's PredictionService.

    Args:
        address: host and port.
        name: of the model.
    """

    def __init__(self, address: str, name: str) -> None:
        self._url = f"grpc://{address}/{name}"
        self._name = name
        self._service = prediction_service_pb2_grpc.PredictionServiceStub(
            # Asked again here: grpc itself does so for small requests only.
            grpc.insecure_channel(address, [("grpc.enable_retries", 0)])
        )

    def signatures(self) -> dict[str, list[str]]:
        """The names of the inputs of each signature."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
        request.model_spec.name = self._name
        answer = self._call(self._service.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            found = answer.metadata[_SIGNATURES].Unpack(signatures)
        except DecodeError:
            found = False
        if not found:
            raise InputError(f"{self._url}: expected a model's signatures in the answer")
        return {name: list(one.inputs) for name, one in signatures.signature_def.items()}

    def ask(self, signature: str, inputs: Inputs) -> Rows:
        """Put columns to a signature."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._name
        request.model_spec.signature_name = signature
        for name, column in inputs.items():
            dtype = tf.int64 if name == "year" else tf.string
            request.inputs[name].CopyFrom(tf.make_tensor_proto(column, dtype))
        answer = self._call(self._service.Predict, request)
        columns = [self._column(answer, name) for name in OUTPUTS]
        return rows_of(self._url, columns, len(inputs["year"]))

    def _column(self, answer: Any, name: str) -> list[Any] | None:
        if name not in answer.outputs:
            return None
        try:
            column: list[Any] = tf.make_ndarray(answer.outputs[name]).tolist()
        except (TypeError, ValueError) as error:
            raise InputError(f"{self._url}: expected a tensor as {name}: {error}") from None
        return column

    @patiently
    def _call(self, method: grpc.UnaryUnaryMultiCallable, request: Any) -> Any:
        try:
            return method(request, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            said = f"{error.code().name}: {error.details()}"
            raise _kind_of(error.code())(f"{self._url}: answered {said}") from None


def _kind_of(code: grpc.StatusCode) -> type[InputError]:
    if code in _PASSING:
        return UnavailableError
    return RefusedError if code == grpc.StatusCode.INVALID_ARGUMENT else InputError
