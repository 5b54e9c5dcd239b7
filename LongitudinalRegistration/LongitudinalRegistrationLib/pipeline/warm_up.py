"""Load the compiled kernels and the network before a scan waits for them."""

from __future__ import annotations

import threading
from functools import cache

from TableRemovalLib.errors import InputError

from ..methods.network.model_store import find_model
from ..methods.network.predict import NetworkError, loaded_predictor
from ..methods.network.runtime import runtime_missing
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
    """Warm up, and load the network that the options name; what goes wrong with that is told when it is used."""
    warm_up(progress)
    if options.method not in ("auto", "voxelmorph") or runtime_missing():
        return
    try:
        loaded_predictor(find_model(options.network), options.thread_count)
    except (InputError, NetworkError):
        return


def load_beside(options: RegistrationOptions, progress: Progress | None = None) -> threading.Thread:
    """Load in a thread, beside the reading of the scans."""
    thread = threading.Thread(target=load, args=(options, progress), daemon=True)
    thread.start()
    return thread
