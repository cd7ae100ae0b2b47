"""Return freed memory to the operating system."""

import ctypes
import sys


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
