"""Say beside an exported graph what goes in and out, for programs and for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

from pipelines.files import write_json
from songpop_tf.serving.names import (
    ANSWERED_BY,
    GRAPH,
    METADATA_ONLY,
    SIGNATURES_FILE,
    TENSOR,
    answering,
)

README = "README.md"

_KNOWN = {
    "text": "artist, title or year",
    "cnn": "spectrogram",
    "combined": "spectrogram and artist, title or year",
}
_MEANINGS = {
    "spectrogram_png": "bytes of a PNG file of any width; empty = no spectrogram",
    "artist": "may be empty",
    "title": "may be empty",
    "year": "of release; 0 = unknown",
    "popularity": "0-100; NaN if the image cannot be used, or no model fits what is given",
    "popularity_low": "9 of 10 songs are not less popular than this",
    "popularity_high": "nor more popular than this",
}
_ABOUT_IMAGES = (
    'A PNG file goes into `spectrogram_png` as `{"b64": "..."}`, its bytes in base64. An image '
    "that cannot be used is answered with NaN and harms no other song of the request."
)
_EXAMPLE = {"artist": ["Fleetwood Mac"], "title": ["Dreams"], "year": [1977]}


def describe(
    name: str, configurations: Mapping[str, str], signatures: Mapping[str, Any], directory: Path
) -> None:
    """Write ``signatures.json`` and ``README.md`` into an exported version.

    Args:
        name: of the model on a server.
        configurations: the model of each branch.
        signatures: concrete functions by name.
        directory: of the version, which holds their graph.
    """
    answers = {known: answering(known, configurations) for known in ANSWERED_BY}
    answered_by = {
        _KNOWN[known]: configurations[branch] for known, branch in answers.items() if branch
    }
    graph = saved_model_pb2.SavedModel.FromString((directory / GRAPH).read_bytes())
    saved = graph.meta_graphs[0].signature_def
    described = {one: _tensors_of(function, saved[one]) for one, function in signatures.items()}
    content = {
        "configurations": configurations,
        "answered_by": answered_by,
        "signatures": described,
    }
    write_json(directory / SIGNATURES_FILE, content)
    (directory / README).write_text(_readme(name, answered_by, described))


def _tensors_of(concrete: Any, saved: Any) -> dict[str, dict[str, dict[str, str]]]:
    inputs = {spec.name: spec for spec in concrete.structured_input_signature[0]}
    outputs = concrete.structured_outputs
    return {
        side: {
            name: {
                "dtype": spec.dtype.name,
                "shape": "(batch,)",
                TENSOR: tensors[name].name,
                "meaning": _MEANINGS[name],
            }
            for name, spec in specs.items()
        }
        for side, specs, tensors in (
            ("inputs", inputs, saved.inputs),
            ("outputs", outputs, saved.outputs),
        )
    }


def _readme(
    name: str,
    answered_by: Mapping[str, str],
    signatures: Mapping[str, dict[str, dict[str, dict[str, str]]]],
) -> str:
    """For people: one working request, and every tensor."""
    hears = any("spectrogram_png" in sides["inputs"] for sides in signatures.values())
    body = json.dumps({"signature_name": METADATA_ONLY, "inputs": _EXAMPLE})
    parts = [
        f"# {name}\n\nPredicts the popularity (0-100) of songs. Served by TensorFlow Serving on "
        "port 8501, it answers",
        f"```sh\ncurl -d '{body}' http://localhost:8501/v1/models/{name}:predict\n```",
        *([_ABOUT_IMAGES] if hears else []),
        _table(("known of a song", "answered by"), list(answered_by.items())),
    ]
    for signature, sides in signatures.items():
        rows = [
            (side[:-1], f"`{one}`", spec["dtype"], spec["meaning"])
            for side, tensors in sides.items()
            for one, spec in tensors.items()
        ]
        parts += [f"## `{signature}`", "Every tensor is of the shape `(batch,)`."]
        parts.append(_table(("", "name", "dtype", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
