"""Signatures, file names and versions of an exported model; imports no heavy package."""

from collections.abc import Collection
from pathlib import Path

from pipelines.constants import HISTORY_LENGTH

FALLBACKS = {
    "text": ("text",),
    "cnn": ("cnn", "combined"),
    "combined": ("combined", "text", "cnn"),
}
"""For the known inputs of a song, the branches that can predict it, best first.

"text" stands for metadata only, "cnn" for a spectrogram only, "combined" for both. A model that
lacks the first branch uses the next."""
AUDIO_BRANCHES = {"cnn", "combined"}
"""The branches that read a spectrogram."""
OUTPUTS = ("popularity", "popularity_low", "popularity_high")
USABLE = "usable"
"""The output that says whether a model has read every input that the song has."""
NO_PREDICTION = (50.0, 0.0, 100.0)
"""``OUTPUTS`` of a song whose known inputs no model reads: the whole scale, and its middle.

JSON has no NaN, so that a single one would invalidate the response for the whole batch."""
METADATA_ONLY, WITH_SPECTROGRAM, WITH_AUDIO = "metadata_only", "serving_default", "audio"
WITH_OCCLUSION = "occlusion"
PATCH_INPUTS = ("first_column", "last_column", "first_row", "last_row")
"""Inputs of the signature ``occlusion``: the pixels covered, the last ones included."""
WITH_HISTORY = "history"
HISTORY_POSITION = "history_position"
"""Input of the signature ``history``: the position of the song to leave out, `LEAVE_OUT_NONE`, or
`LEAVE_OUT_ALL`."""
HISTORY_OUTPUTS = ("song_year", "song_difference", "song_count")
"""Outputs of the signature ``history`` about the song that is left out."""
LEAVE_OUT_NONE, LEAVE_OUT_ALL = -1, HISTORY_LENGTH
SIGNATURES_FILE = "signatures.json"
YEAR_QUANTILES_FILE = "year_quantiles.json"
TENSOR_KEY = "tensor"
"""Key in that file for the name of an input or output tensor in the graph."""
GRAPH_FILE = "saved_model.pb"
TASK_FILE = "task.json"
"""File of a preset that names the class of the task."""
PREPROCESSORS_FOLDER = "preprocessors"
"""Folder of an export of networks: a preprocessor for each branch that reads metadata."""
NETWORK_SUFFIXES = {
    "keras": ".keras",
    "preset": ".weights.h5",
    "litert": ".tflite",
    "onnx": ".onnx",
    "openvino": ".xml",
}
"""Of the files of an export that hold networks, by format."""


def output_names(signature: str) -> tuple[str, ...]:
    """The outputs of a signature."""
    return (*OUTPUTS, USABLE, *(HISTORY_OUTPUTS if signature == WITH_HISTORY else ()))


def select_branch(known: str, branches: Collection[str]) -> str | None:
    """Select the branch of a model that predicts a song.

    A model without an audio branch predicts no song that has a spectrogram: it would ignore it.

    Args:
        known: the known inputs of the song, a key of ``FALLBACKS``.
        branches: those that the model has.

    Returns:
        The branch, or None if the model has no suitable one.
    """
    if known != "text" and not AUDIO_BRANCHES & set(branches):
        return None
    return next((branch for branch in FALLBACKS[known] if branch in branches), None)


def numbered_folders(directory: Path) -> list[int]:
    """The subfolders with a version number as their name, whatever they hold, ascending."""
    names = (path.name for path in directory.glob("*") if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)


def versions(directory: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    return [
        number
        for number in numbered_folders(directory)
        if (directory / str(number) / GRAPH_FILE).is_file()
    ]


def newest_version(directory: Path) -> Path | None:
    """Folder of an exported model's newest version, or ``directory`` if it is a version itself."""
    if (directory / GRAPH_FILE).is_file():
        return directory
    numbers = versions(directory)
    return directory / str(numbers[-1]) if numbers else None
