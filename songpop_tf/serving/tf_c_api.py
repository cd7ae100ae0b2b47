"""Run a SavedModel through TensorFlow's C API.

Importing TensorFlow's Python package takes seconds; its C library loads in a fraction of that.
The functions are declared in ``tensorflow/c/c_api.h`` and ``tensorflow/c/tf_tstring.h``, which
document the ownership of each object.
"""

import ctypes
import functools
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.tensorflow_text import require_tensorflow_text
from songpop_tf.tf_logging import suppress_startup_log

TensorNames = Mapping[str, str]
"""Names in the graph, such as ``serving_default_artist:0``, by the name of an input or output."""
Array = npt.NDArray[Any]
Column = Array | Sequence[bytes]
"""Values of an input: int64, float32 or bool, or byte strings."""

_TF_STRING = 7
_NUMERIC_DTYPES: dict[int, npt.DTypeLike] = {1: np.float32, 9: np.int64, 10: np.bool_}
"""By code of the enumeration ``TF_DataType``."""
_TSTRING_BYTES = 24  # sizeof(TF_TString)
WITHOUT_OPTIMIZERS = bytes.fromhex(
    "52 12"  # graph_options
    "1A 0B 18 FFFFFFFFFFFFFFFFFF01"  # .optimizer_options.opt_level: L0, which is -1
    "52 03 98 01 01"  # .rewrite_options.disable_meta_optimizer: true
)
"""A serialized ``ConfigProto``. TensorFlow's two graph optimizers take up to three seconds on the
first call, and later calls are no slower without what they do."""


class _Output(ctypes.Structure):
    """A ``TF_Output``: an output tensor of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


# Result and argument types. Without them, ctypes would truncate pointers to 32 bits.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_NewStatus": (c_void_p, []),
    "TF_DeleteStatus": (None, [c_void_p]),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_LoadLibrary": (c_void_p, [c_char_p, c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_SetConfig": (None, [c_void_p, c_char_p, c_size_t, c_void_p]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p],
    ),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p]
        + [POINTER(_Output), POINTER(c_void_p), c_int] * 2
        + [c_void_p, c_int, c_void_p, c_void_p],
    ),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_StringInit": (None, [c_void_p]),
    "TF_StringCopy": (None, [c_void_p, c_char_p, c_size_t]),
    "TF_StringDealloc": (None, [c_void_p]),
}


class TensorFlowError(RuntimeError):
    """An error that the C library reports."""


class SavedModel:
    """An exported graph with its own session, which lives until the process ends.

    Args:
        directory: of the version.

    Raises:
        TensorFlowError: it cannot be loaded.
    """

    def __init__(self, directory: Path) -> None:
        self._library = _library()
        c = self._library.c
        self._graph = c.TF_NewGraph()
        tags = (c_char_p * 1)(b"serve")
        options, path = c.TF_NewSessionOptions(), os.fsencode(directory)
        self._library.call("TF_SetConfig", options, WITHOUT_OPTIMIZERS, len(WITHOUT_OPTIMIZERS))
        # TensorFlow 2.20 logs how it optimizes the graph that restores the weights.
        with suppress_startup_log():
            self._session = self._library.call(
                "TF_LoadSessionFromSavedModel", options, None, path, tags, 1, self._graph, None
            )

    def run(
        self, inputs: TensorNames, outputs: TensorNames, columns: Mapping[str, Column]
    ) -> dict[str, Array]:
        """Compute the outputs of a signature.

        Args:
            inputs: tensors to feed.
            outputs: tensors to fetch.
            columns: values for each of ``inputs``.

        Raises:
            TensorFlowError: the graph cannot compute the outputs, or has no such tensor.
        """
        fetched = (c_void_p * len(outputs))()
        with self._library.tensors([columns[name] for name in inputs]) as fed:
            feeds = self._tf_outputs(inputs.values()), (c_void_p * len(fed))(*fed), len(fed)
            fetches = self._tf_outputs(outputs.values()), fetched, len(outputs)
            self._library.call(
                "TF_SessionRun", self._session, None, *feeds, *fetches, None, 0, None
            )
        return dict(zip(outputs, map(self._library.to_numpy, fetched), strict=True))

    def _tf_outputs(self, names: Iterable[str]) -> "ctypes.Array[_Output]":
        outputs = [self._tf_output(name) for name in names]
        return (_Output * len(outputs))(*outputs)

    def _tf_output(self, name: str) -> _Output:
        operation_name, _, index = name.rpartition(":")
        operation = self._library.c.TF_GraphOperationByName(self._graph, operation_name.encode())
        if operation is None:
            raise TensorFlowError(f"expected a tensor {name} in the graph, received none")
        return _Output(operation, int(index))


class _Library:
    """TensorFlow's C library with the operations of TensorFlow Text."""

    def __init__(self) -> None:
        with suppress_startup_log():
            (path,) = _shared_libraries(_package_folder("tensorflow"), "libtensorflow_cc.*")
            self.c = ctypes.CDLL(str(path))
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self.c, name)
                function.restype, function.argtypes = result, arguments
            require_tensorflow_text()
            text_operations = _package_folder("tensorflow_text") / "python" / "ops"
            for path in _shared_libraries(text_operations, "*"):
                self.call("TF_LoadLibrary", os.fsencode(path))

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function whose last argument is a ``TF_Status``.

        Raises:
            TensorFlowError: the status is not OK.
        """
        status = self.c.TF_NewStatus()
        try:
            result = getattr(self.c, function)(*arguments, status)
            if self.c.TF_GetCode(status):
                message = self.c.TF_Message(status).decode(errors="replace")
                raise TensorFlowError(" ".join(message.split()))
        finally:
            self.c.TF_DeleteStatus(status)
        return result

    @contextmanager
    def tensors(self, columns: Sequence[Column]) -> Iterator[list[int]]:
        """Allocate a one-dimensional ``TF_Tensor`` for each column; delete them on exit."""
        tensors: list[int] = []
        try:
            tensors.extend(map(self._to_tensor, columns))
            yield tensors
        finally:
            for tensor in tensors:
                self._delete(tensor)

    def _to_tensor(self, column: Column) -> int:
        if isinstance(column, np.ndarray):
            return self._numeric_tensor(column)
        return self._string_tensor(column)

    def _numeric_tensor(self, column: Array) -> int:
        codes = [code for code, dtype in _NUMERIC_DTYPES.items() if dtype == column.dtype]
        if len(codes) != 1 or column.ndim != 1:
            raise ValueError(
                "expected an array of one dimension, int64, float32 or bool, "
                f"received {column.dtype} {column.shape}"
            )
        shape = (c_int64 * 1)(len(column))
        tensor: int = self.c.TF_AllocateTensor(codes[0], shape, 1, column.nbytes)
        ctypes.memmove(self.c.TF_TensorData(tensor), column.tobytes(), column.nbytes)
        return tensor

    def _string_tensor(self, column: Sequence[bytes]) -> int:
        shape = (c_int64 * 1)(len(column))
        tensor: int = self.c.TF_AllocateTensor(_TF_STRING, shape, 1, _TSTRING_BYTES * len(column))
        for tstring, text in zip(self._tstrings(tensor), column, strict=True):
            self.c.TF_StringInit(tstring)
            self.c.TF_StringCopy(tstring, text, len(text))
        return tensor

    def _tstrings(self, tensor: int) -> range:
        """The addresses of the ``TF_TString`` elements of a tensor."""
        first = self.c.TF_TensorData(tensor)
        return range(first, first + self.c.TF_TensorByteSize(tensor), _TSTRING_BYTES)

    def _delete(self, tensor: int) -> None:
        # TF_DeleteTensor frees the elements, but not the characters of long strings.
        if self.c.TF_TensorType(tensor) == _TF_STRING:
            for tstring in self._tstrings(tensor):
                self.c.TF_StringDealloc(tstring)
        self.c.TF_DeleteTensor(tensor)

    def to_numpy(self, tensor: int) -> Array:
        """Copy a numeric ``TF_Tensor`` to an array and delete it."""
        shape = [self.c.TF_Dim(tensor, axis) for axis in range(self.c.TF_NumDims(tensor))]
        content = ctypes.string_at(self.c.TF_TensorData(tensor), self.c.TF_TensorByteSize(tensor))
        dtype = _NUMERIC_DTYPES[self.c.TF_TensorType(tensor)]
        array: Array = np.frombuffer(content, dtype).reshape(shape)
        self._delete(tensor)
        return array


_library = functools.cache(_Library)
"""The library of this process, loaded on the first call."""


def _shared_libraries(folder: Path, pattern: str) -> list[Path]:
    """Shared libraries in a folder, with the suffixes of Linux and macOS."""
    paths = [path for path in folder.glob(pattern) if {".so", ".dylib"} & set(path.suffixes)]
    if not paths:
        raise FileNotFoundError(f"{folder}: expected shared libraries {pattern}, received none")
    return sorted(paths)


def _package_folder(package: str) -> Path:
    """Folder of an installed package, located without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"expected {package} to be installed", name=package)
    return Path(spec.origin).parent
