"""Signals stop a command, even if the first interruption is lost."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from songpop_tf.cli import interruption


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The handlers of signals that were there before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    interruption.end_interruption()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_lost_interruption_is_repeated_until_the_end(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(interruption, "_SECONDS", 0.05)
    interruption.interrupt_on_signals()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    interruption.end_interruption()
    time.sleep(0.1)
