"""Compiled kernels over ranges of slices, on a bounded number of threads that stay.

Kernels release the interpreter's lock, so plain threads do; numba's own parallel loops end the process when two
threads start them at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from TableRemovalLib.slice_workers import worker_count

SUMMED_RANGES = 8

_pools: dict[int, ThreadPoolExecutor] = {}
_most = 0


def bound_threads(threads: int | None) -> None:
    """Bound the threads that kernels are run on from now on.

    Parameters
    ----------
    threads
        At most; None: all cores, but not more than 8.
    """
    global _most
    _most = threads or 0


def thread_count() -> int:
    """Say how many threads a kernel is run on."""
    return _most or worker_count()


def over_slices(kernel: Callable[..., Any], *arguments: Any, slices: int, ranges: int | None = None) -> list[Any]:
    """Call kernel(*arguments, first, stop) for ranges that cover 0..slices, all threads at once.

    Parameters
    ----------
    kernel
        Writes, or sums over, the slices first..stop-1.
    *arguments
        What each call is given.
    slices
        How many there are.
    ranges
        Into how many ranges they are cut; None: as the threads are best used. To add results up: sum_over_slices.

    Returns
    -------
    list
        The results, in the ranges' order.

    Raises
    ------
    Exception
        What the kernel raises.

    Examples
    --------
    >>> max(over_slices(lambda values, first, stop: max(values[first:stop]), range(100), slices=100))
    99
    """
    threads = min(thread_count(), slices)
    if ranges is None:
        ranges = 4 * threads if slices >= 8 * threads > 8 else threads
    edges = np.linspace(0, slices, max(min(slices, ranges), 1) + 1).astype(int).tolist()
    pieces = list(pairwise(edges))
    if threads <= 1:
        return [kernel(*arguments, first, stop) for first, stop in pieces]
    return _shared([partial(kernel, *arguments, first, stop) for first, stop in pieces], threads)


def sum_over_slices(kernel: Callable[..., Any], *arguments: Any, slices: int) -> Any:
    """Add up kernel(*arguments, first, stop) for ranges that cover 0..slices, rounded alike on any number of threads.

    Parameters
    ----------
    kernel
        Returns a number, an array, or a tuple of numbers for the slices first..stop-1.
    *arguments
        What each call is given.
    slices
        How many there are.

    Returns
    -------
    number, array or tuple
        The sum; of tuples: that of each place.

    Raises
    ------
    Exception
        What the kernel raises.

    Examples
    --------
    >>> sum_over_slices(lambda values, first, stop: sum(values[first:stop]), range(100), slices=100)
    4950
    """
    parts = over_slices(kernel, *arguments, slices=slices, ranges=SUMMED_RANGES)
    return tuple(map(sum, zip(*parts, strict=True))) if isinstance(parts[0], tuple) else sum(parts)


def _shared(calls: list[Callable[[], Any]], threads: int) -> list[Any]:
    """Make calls on this thread and on those that stay: each takes the next call as soon as it has made one.

    What is handed to another thread costs as much as a small kernel: it is the threads, not the calls.
    """
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads, thread_name_prefix="longct")
    results: list[Any] = [None] * len(calls)
    left = deque(enumerate(calls))

    def work() -> None:
        while True:
            try:
                number, call = left.popleft()
            except IndexError:
                return
            results[number] = call()

    helpers = [_pools[threads].submit(work) for _ in range(min(threads, len(calls)) - 1)]
    try:
        work()
    finally:
        left.clear()
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()
    return results


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls that do not depend on each other at once, on as many threads as a kernel is run on.

    Parameters
    ----------
    calls
        Each may call over_slices.

    Returns
    -------
    list
        Their results, in the calls' order.

    Raises
    ------
    Exception
        What the first of them to raise has raised, when all have ended.

    Examples
    --------
    >>> together([lambda: 1, lambda: 2])
    [1, 2]
    """
    threads = min(thread_count(), len(calls))
    if threads <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(threads, thread_name_prefix="longct-together") as pool:
        return list(pool.map(lambda call: call(), calls))
