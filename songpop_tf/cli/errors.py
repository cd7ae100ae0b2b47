"""The boundary at which every error of a command becomes one line."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from pipelines.errors import InputError
from songpop_tf.cli.interruption import end_interruption
from songpop_tf.console import discard_output

_LIBRARIES = {
    "apache_beam": "Apache Beam",
    "google": "Protocol Buffers",
    "grpc": "gRPC",
    "h5py": "HDF5",
    "huggingface_hub": "Hugging Face Hub",
    "kagglehub": "kagglehub",
    "keras": "Keras",
    "keras_hub": "KerasHub",
    "keras_tuner": "Keras Tuner",
    "matplotlib": "Matplotlib",
    "numpy": "NumPy",
    "optuna": "Optuna",
    "pandas": "pandas",
    "PIL": "Pillow",
    "requests": "Requests",
    "safetensors": "safetensors",
    "safetensors_rust": "safetensors",
    "soundfile": "soundfile",
    "sqlalchemy": "SQLAlchemy",
    "tensorboard": "TensorBoard",
    "tensorflow": "TensorFlow",
    "tensorflow_text": "TensorFlow Text",
    "tokenizers": "tokenizers",
    "urllib3": "urllib3",
    "zipfile": "zipfile",
}
"""Names of the libraries by the package that defines or raises an error."""
_GRAPH_DETAILS = re.compile(r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*?\]")
_TRACED = "in user code:"
_MAX_LENGTH = 600
# As a shell reports a program that the end of a pipe stopped (SIGPIPE), or Ctrl+C (SIGINT).
_OUTPUT_CLOSED, _INTERRUPTED = 141, 130


@contextmanager
def report_errors(debug: bool, doing: str) -> Iterator[None]:
    """Print any error as one line and exit with 1; an interruption exits with 130.

    Nothing is printed if whoever read the output has closed it, as ``| head`` does.

    Args:
        debug: raise errors with their traceback instead.
        doing: what is done to which files, for errors whose message does not say it.

    Raises:
        SystemExit: an error was reported.
    """
    try:
        yield
    except KeyboardInterrupt:
        end_interruption()
        raise _interrupted() from None
    except Exception as error:
        if end_interruption():  # TensorFlow made another error of it
            raise _interrupted() from None
        if _root(type(error).__module__) in ("click", "typer"):
            raise  # an exit, or wrong options: reported by the command line itself
        if isinstance(error, OSError) and error.errno == errno.EPIPE and error.filename is None:
            discard_output()
            raise SystemExit(_OUTPUT_CLOSED) from None
        if debug:
            raise
        _print(f"error: {describe(error, doing)}")
        raise SystemExit(1) from None


def _interrupted() -> SystemExit:
    _print("interrupted; run the same command again to resume")
    return SystemExit(_INTERRUPTED)


def describe(error: Exception, doing: str) -> str:
    """Describe an error in one line.

    Args:
        error: of this program, of a library, or of the operating system.
        doing: what was being done to which files.
    """
    message = _message(error)
    if isinstance(error, (InputError, FloatingPointError)):
        return message
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"{doing}: not enough memory. {message}".removesuffix(". ")
    if isinstance(error, UnicodeError):
        return f"{doing}: expected text in UTF-8, received other text: {message}"
    if isinstance(error, ImportError):
        return (
            f"{doing}: expected a complete installation, received: {message}; "
            "pip install --upgrade --force-reinstall songpop-tf"
        )
    library = _LIBRARIES.get(_root(type(error).__module__)) or _LIBRARIES.get(_raised_in(error))
    if library is not None:
        return f"{doing}: {library} reports: {message or type(error).__name__}"
    if isinstance(error, OSError):
        return f"{doing}: {error.strerror or message}"
    return (
        f"{doing}: this is a bug of songpop-tf: {type(error).__name__}: {message}; run the command "
        "again with --debug and report the traceback"
    )


def _message(error: Exception) -> str:
    """The error's message in one line, without the node of TensorFlow's graph."""
    text = str(getattr(error, "message", None) or error)
    if text.startswith(_TRACED):  # the error of a traced function comes after its traceback
        text = text.rstrip().rpartition("\n\n")[2].strip().partition(": ")[2]
    line = " ".join(_GRAPH_DETAILS.sub("", text).split())
    return line if len(line) <= _MAX_LENGTH else f"{line[:_MAX_LENGTH]} ..."


def _raised_in(error: Exception) -> str:
    """The package that raised an error: Keras raises built-in ones."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else _root(trace.tb_frame.f_globals.get("__name__", ""))


def _root(module: str) -> str:
    return module.partition(".")[0]


def _print(line: str) -> None:
    try:
        typer.echo(f"songpop-tf: {line}", err=True)
    except OSError:  # nobody reads standard error any more; the exit status remains
        discard_output()
