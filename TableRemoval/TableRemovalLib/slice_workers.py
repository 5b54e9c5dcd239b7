"""Runs one function for every slice on a few threads.

Compiled kernels release the interpreter's lock, so plain threads are enough; numba's own parallel loops end
the process when two threads start them at once, which a preview beside a background pass would do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def worker_count() -> int:
    """Number of processor cores this process may use, at most 8."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:
        available = os.cpu_count() or 1
    return max(1, min(8, available))


def for_slice_ranges(
    work: Callable[[int, int], object],
    slices: int,
    progress: Callable[[float], None] | None = None,
    chunks_per_worker: int = 4,
) -> list:
    """Call work(first, stop) for consecutive slice ranges that cover 0..slices; return the results in order.

    progress, where given, is called in the caller's thread with the fraction done, 0..1. An exception it
    raises (a cancelled run) or that `work` raises ends the run: ranges not yet started are dropped.
    """
    workers = worker_count()
    edges = np.unique(np.linspace(0, slices, min(slices, workers * chunks_per_worker) + 1).astype(int))
    results = []
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(work, int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        try:
            for number, future in enumerate(futures, start=1):
                results.append(future.result())
                if progress is not None:
                    progress(number / len(futures))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results
