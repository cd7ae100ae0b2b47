"""Keep TensorFlow's start-up log off the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_USER_WANTS_LOG = os.environ.get(_LEVEL, "3") in ("0", "1")


@contextmanager
def suppress_startup_log() -> Iterator[None]:
    """Suppress what TensorFlow's C++ libraries log about CPU and CUDA while they load.

    Part of the log is written before TensorFlow reads any log level, directly to the file
    descriptor of standard error. The descriptor is therefore redirected to a file; if the block
    raises, the file is printed. Without a folder for temporary files, that part is shown. Does
    nothing if the user asks for the log, with a TF_CPP_MIN_LOG_LEVEL of 0 (all) or 1 (warnings).
    """
    if _USER_WANTS_LOG:
        yield
        return
    os.environ.setdefault(_LEVEL, "3")
    try:
        log = tempfile.TemporaryFile()  # noqa: SIM115  closed by _redirect_stderr
    except OSError:  # no folder, or a full disk: no reason not to go on
        yield
        return
    with _redirect_stderr(log):
        yield


@contextmanager
def _redirect_stderr(log: IO[bytes]) -> Iterator[None]:
    """Write to ``log`` instead of standard error; if the block raises, print what was written."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and TensorFlow Text without their start-up log; once per process."""
    if "tensorflow" in sys.modules:
        return
    with suppress_startup_log():
        # Not KerasHub: it takes another second, and exported models do not need it.
        import tensorflow as tf

        if find_spec("tensorflow_text"):  # not on Windows; reported where it is needed
            import tensorflow_text  # noqa: F401
    # Keras creates a predict function for each model; TensorFlow warns of it as retracing.
    tf.get_logger().setLevel("ERROR")
