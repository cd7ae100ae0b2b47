"""Freed memory returns to the operating system."""

import sys

import numpy as np
import psutil
import pytest

from songpop_tf.training.memory import release_freed_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory")
def test_freed_memory_is_released() -> None:
    process = psutil.Process()
    release_freed_memory()
    before = process.memory_info().rss
    # Small arrays come from the heap; the last of them, at its end, keeps the others' pages in use.
    arrays = [np.ones(1000) for _ in range(20_000)]
    last = arrays[-1]
    del arrays
    release_freed_memory()
    assert process.memory_info().rss < before + 80e6
    assert last.all()


def test_other_systems_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", pytest.fail)
    release_freed_memory()
