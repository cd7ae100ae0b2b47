"""Peak memory of a piece of work in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GIGABYTE = 10**9
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


@contextmanager
def at_most_above(size: int) -> Iterator[None]:
    """Fail if what is done within takes more bytes at its peak than were in use before.

    Where the system does not tell a process its peak (it is Linux that does), nothing is checked.
    """
    if not _CLEAR.exists():
        yield
        return
    _CLEAR.write_text(_RESET_PEAK)
    before = _peak()
    yield
    if (taken := _peak() - before) > size:
        pytest.fail(f"expected at most {size:,} bytes more than before, received {taken:,}")


def _peak() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
