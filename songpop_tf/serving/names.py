"""The contract of what is served and where it lies, free of packages that take long to import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

BRANCHES = ("text", "cnn", "combined")
OUTPUTS = ("popularity", "popularity_low", "popularity_high")
METADATA_ONLY, WITH_SPECTROGRAM = "metadata_only", "serving_default"
SIGNATURES_FILE = "signatures.json"
GRAPH = "saved_model.pb"

Signature = Callable[..., dict[str, Any]]
"""Takes tensors by name and gives tensors by name."""


def versions(directory: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    names = (path.parent.name for path in directory.glob(f"*/{GRAPH}"))
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)
