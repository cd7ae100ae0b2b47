"""Run a function in several processes that end with the process that started them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from pipelines.errors import InputError

Result = TypeVar("Result")


def available_cores() -> int:
    """Cores that this process may use: ``taskset``, for example, allows fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_in_processes(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], processes: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Call a function for each job and yield the results as they are completed.

    Args:
        function: importable by name; it and the jobs are pickled.
        jobs: positional arguments of each call.
        processes: largest number; None for one a core. A single process needs no pool.

    Yields:
        The index of the job, and its result.

    Raises:
        InputError: the system ended one of the processes.
    """
    processes = min(processes or available_cores(), len(jobs))
    if processes <= 1:
        for index, job in enumerate(jobs):
            yield index, function(*job)
        return
    # Spawned, not forked: threads of this process would leave locks behind in a fork.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=exit_with_parent)
    try:
        with _interruption_blocked():
            futures = {pool.submit(function, *job): index for index, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise InputError(
            "expected all worker processes to finish, but one was ended from outside, most likely "
            "for lack of memory"
        ) from None
    finally:
        # After an error or Ctrl-C, jobs that are not begun are cancelled.
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interruption_blocked() -> Iterator[None]:
    """Block Ctrl-C; processes that are started meanwhile inherit that and never react to it.

    It reaches all processes of a terminal, and those that start would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_with_parent() -> None:
    """Exit this process as soon as its parent process is gone, even if that was killed."""
    parent = os.getppid()

    def poll_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=poll_parent, daemon=True).start()
