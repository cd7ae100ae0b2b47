"""Stop a command on Ctrl-C (SIGINT) and on SIGTERM, which services and batch systems send."""

import signal
from types import FrameType

_SECONDS = 3.0
"""After which the interruption is repeated if the command still runs."""
# Windows has no timers.
_HAS_TIMER = hasattr(signal, "setitimer")


def interrupt_on_signals() -> None:
    """Raise a `KeyboardInterrupt` on SIGINT and SIGTERM."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if _HAS_TIMER:
        signal.signal(signal.SIGALRM, _interrupt)


def end_interruption() -> bool:
    """Interrupt no more: the command has been stopped. Return whether it had been interrupted."""
    if not _HAS_TIMER:
        return False
    seconds_left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    return seconds_left > 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    # TensorFlow loses an exception that is raised while its C++ code calls Python.
    if _HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    raise KeyboardInterrupt
