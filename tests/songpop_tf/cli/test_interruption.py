"""Signals stop a command, even if the first interruption is lost."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from songpop_tf.cli import interruption
from songpop_tf.cli.errors import report_errors


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


def lose_interruption() -> None:
    """Interrupt this process; make another error of that, as TensorFlow's C++ code does."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except KeyboardInterrupt:
        raise AttributeError("_type_spec") from None


def test_interruption_that_became_another_error_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    interruption.interrupt_on_signals()
    with pytest.raises(SystemExit) as exit_, report_errors(debug=False, doing="training"):
        lose_interruption()
    assert exit_.value.code == 130
    assert capsys.readouterr().err.startswith("songpop-tf: interrupted;")


def test_error_without_interruption_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    interruption.interrupt_on_signals()
    with pytest.raises(SystemExit) as exit_, report_errors(debug=False, doing="training"):
        raise AttributeError("_type_spec")
    assert exit_.value.code == 1
    assert "_type_spec" in capsys.readouterr().err
