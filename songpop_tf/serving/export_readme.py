"""Describe the inputs and outputs of an exported model, for programs and for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

from pipelines.io import write_json
from songpop_tf.serving.schema import (
    FALLBACKS,
    GRAPH_FILE,
    METADATA_ONLY,
    SIGNATURES_FILE,
    TENSOR_KEY,
    select_branch,
)

README = "README.md"

_KNOWN_INPUTS = {
    "text": "artist, title or year",
    "cnn": "spectrogram",
    "combined": "spectrogram and artist, title or year",
}
"""By key of ``FALLBACKS``."""
_MEANINGS = {
    "spectrogram_png": "content of a PNG file of any width; empty = no spectrogram",
    "audio": "mono, 24 kHz, -1 to 1, padded with zeros to the longest song",
    "samples": "how many samples of a song are audio; 0 = no audio",
    "artist": "name of the artist; empty = unknown",
    "title": "title of the song; empty = unknown",
    "year": "year of release; 0 = unknown",
    "first_column": "first column of the image that is covered",
    "last_column": "last column that is covered; before the first one = nothing is covered",
    "first_row": "first row that is covered; row 0 is the highest frequency",
    "last_row": "last row that is covered",
    "history_position": "position (0-31) of a song of the artists' history; 32 = all; -1 = none",
    "popularity": "predicted popularity, 0-100",
    "popularity_low": "lower end of the 90 % prediction interval",
    "popularity_high": "upper end of the 90 % prediction interval",
    "usable": "false if the image or audio is unusable, or no model reads the known inputs",
    "song_year": "year of the song that is left out; 0 = unknown",
    "song_difference": "its popularity minus that expected of its year",
    "song_count": "number of songs that it represents; 0 = no song at this position",
}
_ABOUT_IMAGES = (
    'Encode a PNG file for `spectrogram_png` in base64: `{"b64": "..."}`. `usable` is false for a '
    "song with an unusable image: its popularity is what artist, title and year say. The other "
    "songs of the request are not affected."
)
_ABOUT_OCCLUSION = (
    "`occlusion` takes one image, and predicts it once for each row of the other inputs: with "
    "these fields, and with this patch of the image covered."
)
_ABOUT_HISTORY = (
    "`history` predicts from artist, title and year, without one of the songs that the model knows "
    "of these artists."
)
_EXAMPLE = {"artist": ["Fleetwood Mac"], "title": ["Dreams"], "year": [1977]}

TensorDescription = dict[str, str]
SignatureDescription = dict[str, dict[str, TensorDescription]]
"""Tensors by "inputs" or "outputs", then by name."""


def write_description(
    name: str, configurations: Mapping[str, str], signatures: Mapping[str, Any], directory: Path
) -> None:
    """Write ``signatures.json`` and ``README.md`` into an exported version.

    Args:
        name: of the model on a server.
        configurations: name of the configuration for each branch.
        signatures: concrete functions by name.
        directory: of the version; contains the graph.
    """
    branches = {known: select_branch(known, configurations) for known in FALLBACKS}
    answered_by = {
        _KNOWN_INPUTS[known]: configurations[branch] for known, branch in branches.items() if branch
    }
    graph = saved_model_pb2.SavedModel.FromString((directory / GRAPH_FILE).read_bytes())
    saved = graph.meta_graphs[0].signature_def
    descriptions = {
        signature: _describe_signature(concrete, saved[signature])
        for signature, concrete in signatures.items()
    }
    content = {
        "configurations": configurations,
        "answered_by": answered_by,
        "signatures": descriptions,
    }
    write_json(directory / SIGNATURES_FILE, content)
    (directory / README).write_text(_readme(name, answered_by, descriptions))


def _describe_signature(concrete: Any, saved: Any) -> SignatureDescription:
    """Describe a concrete function whose ``SignatureDef`` in the graph is ``saved``."""
    inputs = {spec.name: spec for spec in concrete.structured_input_signature[0]}
    return {
        "inputs": _describe_tensors(inputs, saved.inputs),
        "outputs": _describe_tensors(concrete.structured_outputs, saved.outputs),
    }


def _describe_tensors(
    specs: Mapping[str, Any], saved: Mapping[str, Any]
) -> dict[str, TensorDescription]:
    return {
        name: {
            "dtype": spec.dtype.name,
            "shape": "(batch,)" if spec.shape.rank == 1 else "(batch, samples)",
            TENSOR_KEY: saved[name].name,
            "meaning": _MEANINGS[name],
        }
        for name, spec in specs.items()
    }


def _readme(
    name: str, answered_by: Mapping[str, str], signatures: Mapping[str, SignatureDescription]
) -> str:
    """Markdown with an example request and a table of every signature's tensors."""
    reads_images = any("spectrogram_png" in tensors["inputs"] for tensors in signatures.values())
    body = json.dumps({"signature_name": METADATA_ONLY, "inputs": _EXAMPLE})
    parts = [
        f"# {name}\n\nPredicts the popularity (0-100) of songs. Example request to TensorFlow "
        "Serving on port 8501:",
        f"```sh\ncurl -d '{body}' http://localhost:8501/v1/models/{name}:predict\n```",
        *([_ABOUT_IMAGES, _ABOUT_OCCLUSION] if reads_images else []),
        _ABOUT_HISTORY,
        _table(("known inputs", "model"), list(answered_by.items())),
    ]
    for signature, directions in signatures.items():
        rows = [
            (
                direction.removesuffix("s"),
                f"`{tensor}`",
                f"{spec['dtype']} {spec['shape']}",
                spec["meaning"],
            )
            for direction, tensors in directions.items()
            for tensor, spec in tensors.items()
        ]
        parts += [f"## `{signature}`", _table(("", "name", "type", "meaning"), rows)]
    return "\n\n".join(parts) + "\n"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
