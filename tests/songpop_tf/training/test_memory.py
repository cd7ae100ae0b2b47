"""Freed memory returns to the operating system."""

import os
import subprocess
import sys

import numpy as np
import psutil
import pytest

from songpop_tf.training.memory import release_freed_memory, use_system_allocator


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


_CONVOLUTION = """
import sys
from songpop_tf.training.memory import release_freed_memory, use_system_allocator
if sys.argv[1] == "system":
    use_system_allocator()
import psutil, tensorflow as tf
process = psutil.Process()
tf.nn.conv2d(tf.zeros([1, 8, 8, 4]), tf.zeros([3, 3, 4, 16]), 1, "SAME")
before = process.memory_info().rss
tf.nn.conv2d(tf.ones([16, 512, 512, 4]), tf.zeros([3, 3, 4, 16]), 1, "SAME")
release_freed_memory()
print((process.memory_info().rss - before) / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, TensorFlow has no such allocator")
def test_memory_of_convolutions_is_released_with_the_system_allocator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", raising=False)
    command = [sys.executable, "-c", _CONVOLUTION]
    kept, left = (
        float(subprocess.run([*command, allocator], stdout=subprocess.PIPE, check=True).stdout)
        for allocator in ("default", "system")
    )
    assert left < 50
    assert left < kept / 4


def test_allocator_that_the_user_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "0")
    use_system_allocator()
    assert os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] == "0"
