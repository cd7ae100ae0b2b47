"""Return freed memory to the operating system."""

import ctypes
import os
import sys

_SYSTEM_ALLOCATOR = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"


def use_system_allocator() -> None:
    """Let TensorFlow allocate tensors on the CPU with the C library; call before it is imported.

    Its own allocator, used where oneDNN is enabled, never returns what convolutions took, so that
    the models trained after a CNN would need their memory on top of that.
    """
    os.environ.setdefault(_SYSTEM_ALLOCATOR, "1")


def release_freed_memory() -> None:
    """Let the C library return what was freed; only on Linux, elsewhere nothing is done.

    glibc keeps freed memory for the next allocation, but large blocks come from elsewhere, so that
    without this call the tables of a text branch, no longer in use, and the convolutions of the
    next model would add up.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # other C libraries lack it
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
        libc.malloc_trim(0)
