"""Ask an exported model through TensorFlow's C API, without Python code of TensorFlow.

python c_api_client.py MODEL_DIR REQUEST.npz ANSWER.npz [--signature metadata_only]

``write_request`` describes REQUEST.npz; ANSWER.npz holds one array for each output.
"""

import argparse
import ctypes
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

Column = np.ndarray | list[bytes]
Names = dict[str, str]
"""Tensors of the graph, such as ``serving_default_artist:0``, by an input's or output's name."""

SIGNATURES, LENGTHS = "signatures", "_lengths"
TF_STRING = 7
TF_NUMBERS: dict[int, np.dtype[Any]] = {1: np.dtype("float32"), 9: np.dtype("int64")}
TSTRING_BYTES = 24  # sizeof(TF_TString)


class Output(ctypes.Structure):
    """A ``TF_Output``: one of the tensors that an operation gives."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


# Without its types, ctypes would cut a pointer to 32 bits.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_NewStatus": (c_void_p, []),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_LoadLibrary": (c_void_p, [c_char_p, c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p],
    ),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p]
        + [POINTER(Output), POINTER(c_void_p), c_int] * 2
        + [c_void_p, c_int, c_void_p, c_void_p],
    ),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_StringInit": (None, [c_void_p]),
    "TF_StringCopy": (None, [c_void_p, c_char_p, c_size_t]),
}


def write_request(
    path: Path, signatures: Mapping[str, Mapping[str, Names]], columns: Mapping[str, Column]
) -> None:
    """Write what is to be asked.

    Args:
        path: of the file, which holds a column of numbers as it is, one of byte strings as all
            their bytes and the length of each, and the signatures as JSON.
        signatures: the tensors behind each one's ``inputs`` and ``outputs``.
        columns: of all inputs, one value for each song.
    """
    arrays: dict[str, Any] = {SIGNATURES: np.array(json.dumps(signatures))}
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            arrays[name] = column
        else:
            # An array of fixed-width strings would drop the zeros at a string's end.
            arrays[name] = np.frombuffer(b"".join(column), np.uint8)
            arrays[name + LENGTHS] = np.array([len(text) for text in column], np.int64)
    np.savez(path, **arrays)


def read_column(request: Mapping[str, np.ndarray], name: str) -> Column:
    """One column as it was given to ``write_request``."""
    if name + LENGTHS not in request:
        return request[name]
    ends = np.cumsum(request[name + LENGTHS])
    return [part.tobytes() for part in np.split(request[name], ends)[:-1]]


def folder_of(package: str) -> Path:
    """Where a package is installed, which is found out without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent


class TensorFlow:
    """The C library, with the operations of TensorFlow Text.

    What is allocated for statuses and tensors, graph and session lives until the process ends,
    which is after one request.
    """

    def __init__(self) -> None:
        self.c = ctypes.CDLL(str(folder_of("tensorflow") / "libtensorflow_cc.so.2"))
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        for library in sorted((folder_of("tensorflow_text") / "python" / "ops").glob("*.so")):
            self.checked("TF_LoadLibrary", os.fsencode(library))

    def checked(self, function: str, *arguments: Any) -> Any:
        """Call a function that takes a ``TF_Status`` last, and raise what it reports."""
        status = self.c.TF_NewStatus()
        result = getattr(self.c, function)(*arguments, status)
        if self.c.TF_GetCode(status):
            raise RuntimeError(f"{function}: {self.c.TF_Message(status).decode()}")
        return result

    def tensor(self, column: Column) -> int:
        """A new ``TF_Tensor`` of one dimension."""
        shape = (c_int64 * 1)(len(column))
        if isinstance(column, np.ndarray):
            code = next(code for code, dtype in TF_NUMBERS.items() if dtype == column.dtype)
            tensor: int = self.c.TF_AllocateTensor(code, shape, 1, column.nbytes)
            ctypes.memmove(self.c.TF_TensorData(tensor), column.tobytes(), column.nbytes)
            return tensor
        tensor = self.c.TF_AllocateTensor(TF_STRING, shape, 1, TSTRING_BYTES * len(column))
        for place, text in enumerate(column):
            string = self.c.TF_TensorData(tensor) + TSTRING_BYTES * place
            self.c.TF_StringInit(string)
            self.c.TF_StringCopy(string, text, len(text))
        return tensor

    def array(self, tensor: int) -> np.ndarray:
        """The numbers of a ``TF_Tensor``."""
        shape = [self.c.TF_Dim(tensor, axis) for axis in range(self.c.TF_NumDims(tensor))]
        content = ctypes.string_at(self.c.TF_TensorData(tensor), self.c.TF_TensorByteSize(tensor))
        return np.frombuffer(content, TF_NUMBERS[self.c.TF_TensorType(tensor)]).reshape(shape)


class Model:
    """A SavedModel in a session."""

    def __init__(self, tensorflow: TensorFlow, directory: Path) -> None:
        self.tensorflow, c = tensorflow, tensorflow.c
        self.graph = c.TF_NewGraph()
        tags = (c_char_p * 1)(b"serve")
        options, path = c.TF_NewSessionOptions(), os.fsencode(directory)
        self.session = tensorflow.checked(
            "TF_LoadSessionFromSavedModel", options, None, path, tags, 1, self.graph, None
        )

    def ask(self, inputs: Names, outputs: Names, columns: Mapping[str, Column]) -> dict[str, Any]:
        """The outputs for a column of each input."""
        given = [self.tensorflow.tensor(columns[name]) for name in inputs]
        answers = (c_void_p * len(outputs))()
        fed = self._outputs(inputs.values()), (c_void_p * len(given))(*given), len(given)
        fetched = self._outputs(outputs.values()), answers, len(outputs)
        self.tensorflow.checked("TF_SessionRun", self.session, None, *fed, *fetched, None, 0, None)
        return dict(zip(outputs, map(self.tensorflow.array, answers), strict=True))

    def _outputs(self, tensors: Iterable[str]) -> "ctypes.Array[Output]":
        found = [self._output(tensor) for tensor in tensors]
        return (Output * len(found))(*found)

    def _output(self, tensor: str) -> Output:
        operation, index = tensor.split(":")
        found = self.tensorflow.c.TF_GraphOperationByName(self.graph, operation.encode())
        if found is None:
            raise KeyError(tensor)
        return Output(found, int(index))


def main() -> None:
    """Answer one request."""
    parser = argparse.ArgumentParser()
    for name in ("model", "request", "answer"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--signature", default="serving_default")
    asked = parser.parse_args()
    with np.load(asked.request) as request:
        signature = json.loads(str(request[SIGNATURES]))[asked.signature]
        columns = {name: read_column(request, name) for name in signature["inputs"]}
    answer = Model(TensorFlow(), asked.model).ask(**signature, columns=columns)
    np.savez(asked.answer, **answer)
    assert {"tensorflow", "tensorflow_text", "keras"}.isdisjoint(sys.modules)


if __name__ == "__main__":
    main()
