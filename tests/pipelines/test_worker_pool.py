"""Functions called in several processes."""

import os
import signal

import pytest

from pipelines.errors import InputError
from pipelines.worker_pool import available_cores, run_in_processes


def square(number: int) -> int:
    return number * number


def blocks_interruption() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def end_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("processes", [1, 2])
def test_each_result_has_the_index_of_its_job(processes: int) -> None:
    jobs = [(number,) for number in (3, 1, 2)]
    assert dict(run_in_processes(square, jobs, processes)) == {0: 9, 1: 1, 2: 4}


def test_only_the_parent_reacts_to_ctrl_c() -> None:
    assert dict(run_in_processes(blocks_interruption, [(), ()], 2)) == {0: True, 1: True}
    assert not blocks_interruption()


def test_process_that_the_system_ends_is_an_error() -> None:
    with pytest.raises(InputError, match="most likely for lack of memory"):
        list(run_in_processes(end_process, [(), ()], 2))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not on this system")
def test_only_cores_that_the_process_may_use_are_available() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
