"""TensorFlow Serving's gRPC interface; needs the extra ``serving``."""

import json
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

from songpop_tf.serving.client import Rows, rows_of
from songpop_tf.serving.names import OUTPUTS
from songpop_tf.serving.predict import Inputs, RefusedError

_SIGNATURES = "signature_def"
_SECONDS = 120.0
_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": "tensorflow.serving.PredictionService"}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ]
}


class GrpcModel:
    """A model behind TensorFlow Serving's PredictionService.

    Args:
        address: host and port.
        name: of the model.
    """

    def __init__(self, address: str, name: str) -> None:
        self._url = f"grpc://{address}/{name}"
        self._name = name
        # grpc itself asks again, with growing pauses.
        options = [("grpc.service_config", json.dumps(_RETRY))]
        self._service = prediction_service_pb2_grpc.PredictionServiceStub(
            grpc.insecure_channel(address, options)
        )

    def signatures(self) -> dict[str, list[str]]:
        """The names of the inputs of each signature."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
        request.model_spec.name = self._name
        answer = self._call(self._service.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        if not answer.metadata[_SIGNATURES].Unpack(signatures):
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
        columns = [
            tf.make_ndarray(answer.outputs[name]).tolist() if name in answer.outputs else None
            for name in OUTPUTS
        ]
        return rows_of(self._url, columns, len(inputs["year"]))

    def _call(self, method: grpc.UnaryUnaryMultiCallable, request: Any) -> Any:
        try:
            return method(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            refused = error.code() == grpc.StatusCode.INVALID_ARGUMENT
            kind = RefusedError if refused else InputError
            said = f"{error.code().name}: {error.details()}"
            raise kind(f"{self._url}: answered {said}") from None
