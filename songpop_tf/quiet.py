"""Keep TensorFlow's start-up log off a user's terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_LOG_WANTED = _LEVEL in os.environ


@contextmanager
def startup_log_hidden() -> Iterator[None]:
    """Load TensorFlow in here, without what its C++ parts print about CPU and CUDA.

    Part of it is printed before any log level is read, straight to the file descriptor, so that
    is turned away for as long as the loading lasts; if that fails, all of it is shown.
    A user who sets TF_CPP_MIN_LOG_LEVEL has asked for the log and gets it.
    """
    if _LOG_WANTED:
        yield
        return
    os.environ[_LEVEL] = "3"
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(terminal, log.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and its Text without their start-up log, if they are not yet."""
    if "tensorflow" in sys.modules:
        return
    with startup_log_hidden():
        # Not KerasHub, which takes a second more: an exported model does without.
        import tensorflow as tf
        import tensorflow_text  # noqa: F401
    # Keras makes one predict function a model, which TensorFlow takes for needless retracing.
    tf.get_logger().setLevel("ERROR")
