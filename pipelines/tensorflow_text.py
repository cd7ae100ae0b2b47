"""TensorFlow Text, which has no release for Windows."""

from importlib.util import find_spec
from types import ModuleType

from pipelines.errors import InputError


def require_tensorflow_text() -> None:
    """Check that TensorFlow Text is installed, without importing it.

    Raises:
        InputError: it is not.
    """
    if find_spec("tensorflow_text") is None:
        raise InputError(
            "tensorflow-text: expected to be installed, received none; it has no release for "
            "Windows: there, models that read artist and title need WSL"
        )


def import_tensorflow_text() -> ModuleType:
    """Import TensorFlow Text, which registers the operations of tokenizers.

    Raises:
        InputError: it is not installed.
    """
    require_tensorflow_text()
    import tensorflow_text

    module: ModuleType = tensorflow_text
    return module
