"""The contract of what is served and where it lies, free of packages that take long to import."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

ANSWERED_BY = {
    "text": ("text",),
    "cnn": ("cnn", "combined"),
    "combined": ("combined", "text", "cnn"),
}
"""What is known of a song - its words, its sound, or both - and the branches that can answer for
it, best first: the others are asked where a model lacks it."""
HEARING = {"cnn", "combined"}
"""The branches that read a spectrogram."""
OUTPUTS = ("popularity", "popularity_low", "popularity_high")
METADATA_ONLY, WITH_SPECTROGRAM = "metadata_only", "serving_default"
SIGNATURES_FILE = "signatures.json"
TENSOR = "tensor"
"""Key in that file of what an input or output is called inside the graph."""
GRAPH = "saved_model.pb"

Signature = Callable[..., dict[str, Any]]
"""Takes tensors by name and gives tensors by name."""


def answering(known: str, branches: Collection[str]) -> str | None:
    """The branch of a model that answers for a song of which ``known`` is known, if any can.

    A model that hears nothing at all answers for no song with a sound: that would pass over it.
    """
    if known != "text" and not HEARING & set(branches):
        return None
    return next((branch for branch in ANSWERED_BY[known] if branch in branches), None)


def numbers(directory: Path) -> list[int]:
    """The folders that are named as versions are, whatever they hold, ascending."""
    names = (path.name for path in directory.glob("*") if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)


def versions(directory: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    return [number for number in numbers(directory) if (directory / str(number) / GRAPH).is_file()]


def newest_graph(directory: Path) -> Path | None:
    """The newest version of an exported model, or the folder itself where it is a version."""
    if (directory / GRAPH).is_file():
        return directory
    found = versions(directory)
    return directory / str(found[-1]) if found else None
