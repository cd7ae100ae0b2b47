"""Run an exported model in a process that does not import TensorFlow's Python package.

python c_api_client.py MODEL_DIR REQUEST.npz RESPONSE.npz [--signature metadata_only]

``write_request`` writes REQUEST.npz; RESPONSE.npz holds one array for each output.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from songpop_tf.serving.tf_c_api import Column, SavedModel, TensorNames

SIGNATURES, LENGTHS = "signatures", "_lengths"


def write_request(
    path: Path, signatures: Mapping[str, Mapping[str, TensorNames]], columns: Mapping[str, Column]
) -> None:
    """Write a request.

    Args:
        path: of the file. It holds a numeric column as it is, a column of byte strings as their
            concatenated bytes and lengths, and the signatures as JSON.
        signatures: the tensors of each signature's ``inputs`` and ``outputs``.
        columns: of all inputs, one value for each song.
    """
    arrays: dict[str, Any] = {SIGNATURES: np.array(json.dumps(signatures))}
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            arrays[name] = column
        else:
            # An array of fixed-width strings would drop trailing zero bytes.
            arrays[name] = np.frombuffer(b"".join(column), np.uint8)
            arrays[name + LENGTHS] = np.array([len(text) for text in column], np.int64)
    np.savez(path, **arrays)


def read_column(request: Mapping[str, np.ndarray], name: str) -> Column:
    """Read a column as it was passed to ``write_request``."""
    if name + LENGTHS not in request:
        return request[name]
    ends = np.cumsum(request[name + LENGTHS])
    return [part.tobytes() for part in np.split(request[name], ends)[:-1]]


def main() -> None:
    """Respond to a request."""
    parser = argparse.ArgumentParser()
    for name in ("model", "request", "response"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--signature", default="serving_default")
    options = parser.parse_args()
    with np.load(options.request) as request:
        signature = json.loads(str(request[SIGNATURES]))[options.signature]
        columns = {name: read_column(request, name) for name in signature["inputs"]}
    response = SavedModel(options.model).run(**signature, columns=columns)
    np.savez(options.response, **response)
    assert {"tensorflow", "tensorflow_text", "keras"}.isdisjoint(sys.modules)


if __name__ == "__main__":
    main()
