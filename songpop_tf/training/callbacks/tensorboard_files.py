"""TensorBoard event files that replace earlier ones."""

from pathlib import Path
from typing import Any

import tensorflow as tf


def replacing_writer(directory: Path, suffix: str) -> Any:
    """Create a ``tf.summary`` writer; event files of the same suffix are removed first."""
    for earlier in directory.glob(f"*{suffix}"):
        earlier.unlink(missing_ok=True)  # another process of a shared search may have done so
    return tf.summary.create_file_writer(str(directory), filename_suffix=suffix)
