"""Keep TensorFlow's start-up log off a user's terminal."""

import os
import sys
import tempfile

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and its Text without what their C++ parts print about CPU and CUDA.

    Part of it is printed before any log level is read, straight to the file descriptor, so that
    is turned away for as long as the import lasts; if the import fails, all of it is shown.
    A user who sets TF_CPP_MIN_LOG_LEVEL has asked for the log and gets it.
    """
    if _LEVEL in os.environ:
        return
    os.environ[_LEVEL] = "3"
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            # Not KerasHub, which takes a second more: an exported model does without.
            import tensorflow as tf
            import tensorflow_text  # noqa: F401
        except BaseException:
            log.seek(0)
            os.write(terminal, log.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    # Keras makes one predict function a model, which TensorFlow takes for needless retracing.
    tf.get_logger().setLevel("ERROR")
