"""TensorFlow Text, which has no release for Windows."""

from importlib.util import find_spec
from types import ModuleType

from pipelines.errors import InputError

_NAME = "tensorflow_text"
_MISSING = (
    "tensorflow-text: expected to be installed, received none; it has no release for Windows: "
    "there, models that read artist and title need WSL"
)


def require_tensorflow_text() -> None:
    """Check that TensorFlow Text is installed, without importing it.

    Raises:
        InputError: it is not.
    """
    if find_spec(_NAME) is None:
        raise InputError(_MISSING)


def import_tensorflow_text() -> ModuleType:
    """Import TensorFlow Text, which registers the operations of tokenizers.

    Raises:
        InputError: it is not installed.
    """
    # Not by `require_tensorflow_text`: this function is called inside of traced ones, and AutoGraph
    # prints a warning of `find_spec`, whose source code it cannot read.
    try:
        import tensorflow_text
    except ModuleNotFoundError as error:
        if error.name == _NAME:
            raise InputError(_MISSING) from None
        raise
    module: ModuleType = tensorflow_text
    return module
