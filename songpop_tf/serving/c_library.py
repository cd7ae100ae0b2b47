"""Ask an exported model through TensorFlow's C library, without its Python, which takes seconds.

Declared in ``tensorflow/c/c_api.h`` and ``tensorflow/c/tf_tstring.h``, which say of each function
who frees what.
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

from songpop_tf.quiet import startup_log_hidden

Names = Mapping[str, str]
"""Tensors of the graph, such as ``serving_default_artist:0``, by an input's or output's name."""
Array = npt.NDArray[Any]
Column = Array | Sequence[bytes]
"""Values for one input: int64 or float32, or byte strings."""

_STRING = 7
_NUMBERS: dict[int, npt.DTypeLike] = {1: np.float32, 9: np.int64}
_STRING_BYTES = 24  # sizeof(TF_TString)


class _Output(ctypes.Structure):
    """A ``TF_Output``: one of the tensors that an operation gives."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


# Without its types, ctypes would cut a pointer to 32 bits.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_NewStatus": (c_void_p, []),
    "TF_DeleteStatus": (None, [c_void_p]),
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
    """What the C library reports."""


class SavedModel:
    """An exported graph in a session of its own, which lives until the process ends.

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
        self._session = self._library.checked(
            "TF_LoadSessionFromSavedModel", options, None, path, tags, 1, self._graph, None
        )

    def ask(self, inputs: Names, outputs: Names, columns: Mapping[str, Column]) -> dict[str, Array]:
        """The outputs of a signature for a column of each of its inputs.

        Raises:
            TensorFlowError: the graph cannot compute them, or has no such tensor.
        """
        answers = (c_void_p * len(outputs))()
        with self._library.tensors([columns[name] for name in inputs]) as given:
            fed = self._tensors(inputs.values()), (c_void_p * len(given))(*given), len(given)
            fetched = self._tensors(outputs.values()), answers, len(outputs)
            self._library.checked(
                "TF_SessionRun", self._session, None, *fed, *fetched, None, 0, None
            )
        return dict(zip(outputs, map(self._library.taken, answers), strict=True))

    def _tensors(self, names: Iterable[str]) -> "ctypes.Array[_Output]":
        found = [self._tensor(name) for name in names]
        return (_Output * len(found))(*found)

    def _tensor(self, name: str) -> _Output:
        operation, _, index = name.rpartition(":")
        found = self._library.c.TF_GraphOperationByName(self._graph, operation.encode())
        if found is None:
            raise TensorFlowError(f"expected a tensor {name} in the graph, found none")
        return _Output(found, int(index))


class _Library:
    """The C library inside TensorFlow's package, with the operations of TensorFlow Text."""

    def __init__(self) -> None:
        with startup_log_hidden():
            (path,) = _shared(_folder_of("tensorflow"), "libtensorflow_cc.*")
            self.c = ctypes.CDLL(str(path))
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self.c, name)
                function.restype, function.argtypes = result, arguments
            for path in _shared(_folder_of("tensorflow_text") / "python" / "ops", "*"):
                self.checked("TF_LoadLibrary", os.fsencode(path))

    def checked(self, function: str, *arguments: Any) -> Any:
        """Call a function that takes a ``TF_Status`` last, and raise what that reports."""
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
        """A ``TF_Tensor`` of one dimension for each column."""
        made: list[int] = []
        try:
            made.extend(map(self._tensor, columns))
            yield made
        finally:
            for tensor in made:
                self._delete(tensor)

    def _tensor(self, column: Column) -> int:
        shape = (c_int64 * 1)(len(column))
        if isinstance(column, np.ndarray):
            codes = [code for code, dtype in _NUMBERS.items() if dtype == column.dtype]
            if len(codes) != 1 or column.ndim != 1:
                raise ValueError(
                    "expected an array of one dimension, int64 or float32, "
                    f"received {column.dtype} {column.shape}"
                )
            tensor: int = self.c.TF_AllocateTensor(codes[0], shape, 1, column.nbytes)
            ctypes.memmove(self.c.TF_TensorData(tensor), column.tobytes(), column.nbytes)
            return tensor
        tensor = self.c.TF_AllocateTensor(_STRING, shape, 1, _STRING_BYTES * len(column))
        for string, text in zip(self._strings(tensor), column, strict=True):
            self.c.TF_StringInit(string)
            self.c.TF_StringCopy(string, text, len(text))
        return tensor

    def _strings(self, tensor: int) -> range:
        """The addresses of the ``TF_TString``s of a tensor."""
        first = self.c.TF_TensorData(tensor)
        return range(first, first + self.c.TF_TensorByteSize(tensor), _STRING_BYTES)

    def _delete(self, tensor: int) -> None:
        if self.c.TF_TensorType(tensor) == _STRING:
            for string in self._strings(tensor):
                self.c.TF_StringDealloc(string)
        self.c.TF_DeleteTensor(tensor)

    def taken(self, tensor: int) -> Array:
        """A copy of a ``TF_Tensor`` of numbers, which is deleted."""
        shape = [self.c.TF_Dim(tensor, axis) for axis in range(self.c.TF_NumDims(tensor))]
        content = ctypes.string_at(self.c.TF_TensorData(tensor), self.c.TF_TensorByteSize(tensor))
        array: Array = np.frombuffer(content, _NUMBERS[self.c.TF_TensorType(tensor)]).reshape(shape)
        self._delete(tensor)
        return array


_library = functools.cache(_Library)
"""One for the process: it is loaded once, whatever is loaded with it."""


def _shared(folder: Path, pattern: str) -> list[Path]:
    """Shared libraries, as Linux and macOS name them."""
    found = [path for path in folder.glob(pattern) if {".so", ".dylib"} & set(path.suffixes)]
    if not found:
        raise FileNotFoundError(f"{folder}: expected shared libraries {pattern}, found none")
    return sorted(found)


def _folder_of(package: str) -> Path:
    """Where a package is installed, which is found out without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"expected {package} to be installed, found none", name=package)
    return Path(spec.origin).parent
