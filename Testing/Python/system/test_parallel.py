"""Kernels over ranges of slices on the threads that stay."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from LongitudinalRegistrationLib.system.parallel import bound_threads, over_slices


@pytest.fixture(autouse=True)
def two_threads():
    bound_threads(2)
    yield
    bound_threads(None)


def test_each_range_is_done_once_by_several_callers_at_once():
    """More callers than threads that stay: whoever finds none free does all of it."""

    def ranges(caller):
        return over_slices(lambda *found: found, caller, slices=40 + caller)

    with ThreadPoolExecutor(6) as pool:
        for caller, found in enumerate(pool.map(ranges, range(6))):
            assert [first for _, first, _ in found] == [0, *(stop for *_, stop in found[:-1])]
            assert found[-1][2] == 40 + caller and {name for name, *_ in found} == {caller}


@pytest.mark.parametrize("fails_in_caller", [True, False])
def test_when_an_error_is_raised_nothing_is_at_work_any_more(fails_in_caller):
    """What the kernel writes to may be used again."""
    at_work, both = set(), threading.Barrier(2)
    caller = threading.current_thread()

    def kernel(first, stop):
        if stop <= 8:
            both.wait(timeout=10)
            if (threading.current_thread() is caller) == fails_in_caller:
                raise ValueError("broken")
        at_work.add(first)
        time.sleep(0.02)
        at_work.remove(first)

    with pytest.raises(ValueError, match="broken"):
        over_slices(kernel, slices=16, ranges=4)
    assert not at_work
