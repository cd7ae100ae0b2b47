"""A server with TensorFlow Serving's two protocols, around a SavedModel.

REST as documented at https://www.tensorflow.org/tfx/serving/api_rest, gRPC from the published
protos. Each entry of ``faults`` makes one request fail, in order; later requests succeed.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.any_pb2 import Any as AnyProto
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.songpop_tf.serving.http_server import http_server

NAME = "songpop"
SLOW_SECONDS = 2.0
"""Delay of a slow response."""


class ServedModel:
    """A SavedModel, the requests it received, and the faults still to come.

    Attributes:
        module: as TensorFlow's Python API loads it.
        requests: the number of songs in each request that reached the model.
        faults: "slow", "drop" (the connection), "cut" (in the middle of a response), a status code,
            other text to send instead of JSON, or None for a normal response.
    """

    def __init__(self, directory: Path) -> None:
        import tensorflow_text  # noqa: F401  registers the tokenizer's operations

        self.module = tf.saved_model.load(str(directory))
        self._signatures = self.module.signatures
        self.requests: list[int] = []
        self.faults: list[Any] = []

    def input_specs(self) -> dict[str, dict[str, tf.TensorSpec]]:
        """The inputs of each signature."""
        return {
            name: signature.structured_input_signature[1]
            for name, signature in self._signatures.items()
        }

    def predict(self, signature: str, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        self.requests.append(len(inputs["year"]))
        return self._signatures[signature](**inputs)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer to a request in rows or columns."""
        signature = request.get("signature_name", "serving_default")
        specs = self.input_specs()[signature]
        rows = request.get("instances")
        columns = request["inputs"] if rows is None else _to_columns(rows)
        inputs = {
            name: tf.constant([_from_json(value) for value in column], specs[name].dtype)
            for name, column in columns.items()
        }
        tensors = self.predict(signature, inputs)
        outputs = {name: column.numpy().tolist() for name, column in tensors.items()}
        return {"outputs": outputs} if rows is None else {"predictions": _to_rows(outputs)}


@contextmanager
def rest_server(model: ServedModel) -> Iterator[str]:
    """The URL of the model while the server runs."""
    with http_server(_Handler, model=model) as address:
        yield f"{address}/v1/models/{NAME}"


class _Handler(BaseHTTPRequestHandler):
    model: ServedModel
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._respond(f"/v1/models/{NAME}/metadata", self._metadata)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._respond(f"/v1/models/{NAME}:predict", lambda: self.model.answer(json.loads(body)))

    def _respond(self, path: str, content: Callable[[], Any]) -> None:
        fault = self.model.faults.pop(0) if self.model.faults else None
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"outputs": ')
            self.close_connection = True
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        if isinstance(fault, int):
            self._send(fault, json.dumps({"error": "not now"}))
        elif fault not in (None, "slow"):
            self._send(200, fault)
        elif self.path != path:
            self._send(404, json.dumps({"error": f"Malformed request: {self.path}"}))
        else:
            try:
                self._send(200, json.dumps(content(), allow_nan=False))
            except tf.errors.InvalidArgumentError as error:
                self._send(400, json.dumps({"error": error.message}))

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _metadata(self) -> Any:
        def describe(spec: tf.TensorSpec) -> Any:
            return {"dtype": f"DT_{spec.dtype.name.upper()}", "tensor_shape": {}, "name": spec.name}

        signatures = {
            signature: {
                "inputs": {name: describe(spec) for name, spec in specs.items()},
                "outputs": {},
            }
            for signature, specs in self.model.input_specs().items()
        }
        return {
            "model_spec": {"name": NAME, "signature_name": "", "version": "1"},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }


def _to_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _to_rows(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _from_json(value: Any) -> Any:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


@contextmanager
def grpc_server(model: ServedModel, max_message: int = 2**31 - 1) -> Iterator[str]:
    """The URL of the model while the server runs; it accepts as long messages as the real one."""
    options = [("grpc.max_receive_message_length", max_message)]
    server = grpc.server(ThreadPoolExecutor(2), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Service(model), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}/{NAME}"
    finally:
        server.stop(None)


class _Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._check(request, context)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for signature, specs in self._model.input_specs().items():
            for name, spec in specs.items():
                inputs = signatures.signature_def[signature].inputs
                inputs[name].dtype = spec.dtype.as_datatype_enum
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        packed = AnyProto()
        packed.Pack(signatures)
        response.metadata["signature_def"].CopyFrom(packed)
        return response

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._check(request, context)
        inputs = {
            name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()
        }
        try:
            outputs = self._model.predict(request.model_spec.signature_name, inputs)
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = predict_pb2.PredictResponse()
        for name, column in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(column))
        return response

    def _check(self, request: Any, context: Any) -> None:
        if self._model.faults:
            context.abort(self._model.faults.pop(0), "not now")
        if request.model_spec.name != NAME:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {request.model_spec}")
