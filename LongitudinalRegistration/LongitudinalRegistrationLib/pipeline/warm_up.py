"""Load the compiled kernels and the network before a scan waits for them."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache

from .choice import load_method
from .compile_kernels import RUNS, Progress, compile_kernels, is_compiled
from .options import RegistrationOptions

_lock = threading.Lock()


def warm_up(progress: Progress | None = None) -> None:
    """Run every kernel of a registration once; where they are not compiled yet, compile them first. Once in a process.

    Parameters
    ----------
    progress
        Called with words and the part that is done, 0 to 1, while kernels are compiled.
    """
    with _lock:
        _run_all(progress)


@cache
def _run_all(progress: Progress | None) -> None:
    if not is_compiled():
        compile_kernels(progress)
    for run in RUNS.values():
        run()


def load(options: RegistrationOptions, progress: Progress | None = None) -> None:
    """Warm up, and load what the method needs that the options name."""
    warm_up(progress)
    load_method(options)


def load_beside(options: RegistrationOptions, progress: Progress | None = None) -> threading.Thread:
    """Load in a thread, beside the reading of the scans.

    What fails here fails again, and is told, where the registration loads it; a process that bad input has ended
    meanwhile is no failure.
    """

    def load_silently() -> None:
        with suppress(Exception):
            load(options, progress)

    thread = threading.Thread(target=load_silently, daemon=True)
    thread.start()
    return thread
