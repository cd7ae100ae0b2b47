"""Ask an exported model without Python code of TensorFlow.

python c_api_client.py MODEL_DIR REQUEST.npz ANSWER.npz [--signature metadata_only]

``write_request`` describes REQUEST.npz; ANSWER.npz holds one array for each output.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from songpop_tf.serving.c_library import Column, Names, SavedModel

SIGNATURES, LENGTHS = "signatures", "_lengths"


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
    answer = SavedModel(asked.model).ask(**signature, columns=columns)
    np.savez(asked.answer, **answer)
    assert {"tensorflow", "tensorflow_text", "keras"}.isdisjoint(sys.modules)


if __name__ == "__main__":
    main()
