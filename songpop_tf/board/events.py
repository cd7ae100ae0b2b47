"""Event files that are written at once."""

from pathlib import Path
from typing import Any

import tensorflow as tf


def replacing_writer(directory: Path, suffix: str) -> Any:
    """A writer of ``tf.summary`` that takes the place of an earlier one with the same suffix."""
    for earlier in directory.glob(f"*{suffix}"):
        earlier.unlink(missing_ok=True)  # unless another process of a shared search just has
    return tf.summary.create_file_writer(str(directory), filename_suffix=suffix)
